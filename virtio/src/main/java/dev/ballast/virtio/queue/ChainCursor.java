package dev.ballast.virtio.queue;

/**
 * A position in the readable or in the writable buffers of a {@link DescriptorChain}, which are
 * treated as one contiguous buffer: a device makes no assumption about how a message is cut into
 * descriptors (virtio v1.3 §2.7.4).
 *
 * <p>Belongs to its chain and is valid as long as the chain is; filling the chain resets it to the
 * start. No method goes beyond the buffers. One thread; allocates nothing.
 */
public abstract sealed class ChainCursor permits ChainReader, ChainWriter {
  private final DescriptorChain chain;

  private int buffer;
  private int endBuffer;
  private long inBuffer;
  private long position;
  private long size;

  ChainCursor(DescriptorChain chain) {
    this.chain = chain;
  }

  /** Starts over, with other buffers. */
  void reset(int firstBuffer, int newEndBuffer, long bytes) {
    buffer = firstBuffer;
    endBuffer = newEndBuffer;
    inBuffer = 0;
    position = 0;
    size = bytes;
  }

  /** Returns how many bytes the cursor has passed, 0 to 2^32. */
  public final long position() {
    return position;
  }

  /** Returns how many bytes are left, 0 to 2^32. */
  public final long remaining() {
    return size - position;
  }

  /**
   * Skips the next bytes.
   *
   * @param bytes how many; more than {@link #remaining} is all of them
   */
  public final void skip(long bytes) {
    long left = bytes;
    for (long piece = piece(left); piece > 0; piece = piece(left)) {
      advance(piece);
      left -= piece;
    }
  }

  /**
   * Receives each piece of guest RAM.
   *
   * @param <X> the exception that it may throw
   */
  @FunctionalInterface
  public interface PieceConsumer<X extends Exception> {
    /**
     * Called with the next piece.
     *
     * @param ramOffset where it starts in {@link dev.ballast.vmm.memory.GuestMemory#ram}, in bytes
     * @param length in bytes, more than 0
     */
    void accept(long ramOffset, long length) throws X;
  }

  /**
   * Calls {@code consumer} for each piece of guest RAM that the next bytes lie in, in order: for a
   * transfer by the kernel. The cursor does not move, since how much was transferred is known only
   * at the end; then a reader {@linkplain #skip skips} and a writer {@linkplain
   * ChainWriter#markWritten marks} the bytes. Pieces of a chain may overlap.
   *
   * @param bytes how many; more than {@link #remaining} is all of them
   * @return how many bytes the pieces have in total
   */
  public final <X extends Exception> long forEachPiece(long bytes, PieceConsumer<X> consumer)
      throws X {
    long wanted = Math.clamp(bytes, 0, remaining());
    long left = wanted;
    long from = inBuffer;
    for (int i = buffer; left > 0; i++) {
      long length = Math.min(left, chain.length(i) - from);
      if (length > 0) {
        consumer.accept(chain.ramOffset(i) + from, length);
      }
      left -= length;
      from = 0;
    }
    return wanted;
  }

  /** How many of the next {@code most} bytes lie in one piece; 0 if there are none. */
  final long piece(long most) {
    while (buffer < endBuffer && inBuffer == chain.length(buffer)) {
      buffer++;
      inBuffer = 0;
    }
    return buffer == endBuffer ? 0 : Math.min(most, chain.length(buffer) - inBuffer);
  }

  /** Where the piece of {@link #piece} starts. */
  final long ramOffset() {
    return chain.ramOffset(buffer) + inBuffer;
  }

  /** Passes over a part of the piece. */
  final void advance(long bytes) {
    inBuffer += bytes;
    position += bytes;
  }
}
