package dev.ballast.ffi.linux;

/** Is told of runs of populated pages, in ascending order and never touching each other. */
@FunctionalInterface
public interface PopulatedRunConsumer {
  /**
   * Accepts the next run.
   *
   * @param firstPage the first page of the run, counted from the start of the range that was asked
   *     about
   * @param count how many pages, more than 0
   */
  void run(long firstPage, long count);
}
