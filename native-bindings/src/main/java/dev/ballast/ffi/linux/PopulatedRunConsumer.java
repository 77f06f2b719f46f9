package dev.ballast.ffi.linux;

/** Receives runs of populated pages, in ascending order and never adjacent to each other. */
@FunctionalInterface
public interface PopulatedRunConsumer {
  /**
   * Accepts the next run.
   *
   * @param firstPage the first page of the run, counted from the start of the queried range
   * @param count how many pages, more than 0
   */
  void run(long firstPage, long count);
}
