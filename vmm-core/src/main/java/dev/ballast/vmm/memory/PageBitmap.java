package dev.ballast.vmm.memory;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.Madvise;
import dev.ballast.ffi.linux.SparseMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.Objects;

/**
 * A set of pages: off-heap, one bit a page, in 64-bit words; page {@code p} is bit {@code p & 63}
 * of word {@code p >> 6}, as in KVM's dirty log. Indices are {@code long}: 12 TiB of guest is a 384
 * MiB bitmap.
 *
 * <p>Threads may share a bitmap: every change of a word is atomic. A pass over many words sees each
 * word at some moment of the pass.
 */
public final class PageBitmap {
  private static final VarHandle WORD = JAVA_LONG.varHandle();

  /** How many words are compared at once: most bitmaps are uniform over long stretches. */
  private static final int CHUNK_WORDS = 512;

  private static final int CHUNK_BYTES = CHUNK_WORDS * Long.BYTES;
  private static final MemorySegment NONE = Arena.global().allocate(CHUNK_BYTES, Long.BYTES);
  private static final MemorySegment ALL =
      Arena.global().allocate(CHUNK_BYTES, Long.BYTES).fill((byte) -1);

  /** From this size on it pays to map memory of its own. */
  private static final long SPARSE_BYTES = SparseMemory.HUGE_PAGE;

  private final MemorySegment words;
  private final long size;
  private final long wordCount;

  private PageBitmap(MemorySegment words, long size) {
    this.words = words;
    this.size = size;
    this.wordCount = wordsFor(size);
  }

  /**
   * Creates an empty bitmap whose memory lives as long as it is reachable. Of a large one, only
   * what is touched takes host memory.
   *
   * @param size in bits
   * @throws OutOfMemoryError if the kernel cannot map memory for a large one
   */
  public static PageBitmap allocate(long size) {
    long bytes = Math.max(1, wordsFor(size)) * 8;
    return new PageBitmap(
        bytes < SPARSE_BYTES ? Arena.ofAuto().allocate(bytes, 8) : sparse(bytes), size);
  }

  private static MemorySegment sparse(long bytes) {
    try {
      return SparseMemory.allocate(bytes);
    } catch (ErrnoException e) {
      throw new OutOfMemoryError("a bitmap of " + bytes + " bytes: " + e.getMessage());
    }
  }

  /**
   * Creates a bitmap over existing memory; its content stays.
   *
   * @param words aligned to 8, at least {@code ceil(size / 64)} words; bits from {@code size} on
   *     must be 0
   * @param size in bits
   */
  public static PageBitmap over(MemorySegment words, long size) {
    Objects.checkFromIndexSize(0, wordsFor(size) * 8, words.byteSize());
    return new PageBitmap(words, size);
  }

  private static long wordsFor(long bits) {
    return (bits + 63) >>> 6;
  }

  /** Returns the number of bits. */
  public long size() {
    return size;
  }

  /** Returns the number of 64-bit words. */
  public long wordCount() {
    return wordCount;
  }

  /** Returns the memory of the bitmap, at least {@link #wordCount} words. */
  public MemorySegment memory() {
    return words;
  }

  /** Returns word {@code index}, pages {@code index * 64} and on. */
  public long word(long index) {
    return (long) WORD.getAcquire(words, index << 3);
  }

  /** Replaces word {@code index}. Bits from {@link #size} on must be 0. */
  public void setWord(long index, long value) {
    WORD.setRelease(words, index << 3, value);
  }

  /** Replaces word {@code index} and returns what was there, in one step. */
  public long getAndSetWord(long index, long value) {
    return (long) WORD.getAndSet(words, index << 3, value);
  }

  /** Sets the bits of {@code mask} in word {@code index}; returns the word as it was. */
  public long orWord(long index, long mask) {
    return (long) WORD.getAndBitwiseOr(words, index << 3, mask);
  }

  /** Keeps only the bits of {@code mask} in word {@code index}; returns the word as it was. */
  public long andWord(long index, long mask) {
    return (long) WORD.getAndBitwiseAnd(words, index << 3, mask);
  }

  /** Returns whether {@code page} is in the set. */
  public boolean get(long page) {
    Objects.checkIndex(page, size);
    return (word(page >>> 6) & (1L << page)) != 0;
  }

  /** Adds one page; returns whether it was new. */
  public boolean add(long page) {
    Objects.checkIndex(page, size);
    long bit = 1L << page;
    return (orWord(page >>> 6, bit) & bit) == 0;
  }

  /** Removes one page; returns whether it was there. */
  public boolean remove(long page) {
    Objects.checkIndex(page, size);
    long bit = 1L << page;
    return (andWord(page >>> 6, ~bit) & bit) != 0;
  }

  /** Adds pages {@code first} to {@code first + count - 1}. */
  public void set(long first, long count) {
    Objects.checkFromIndexSize(first, count, size);
    long end = first + count;
    for (long page = first; page < end; page = nextWord(page)) {
      orWord(page >>> 6, mask(page, end));
    }
  }

  /** Removes pages {@code first} to {@code first + count - 1}. */
  public void clear(long first, long count) {
    Objects.checkFromIndexSize(first, count, size);
    long end = first + count;
    for (long page = first; page < end; page = nextWord(page)) {
      andWord(page >>> 6, ~mask(page, end));
    }
  }

  private static long nextWord(long page) {
    return (page | 63) + 1;
  }

  /** The bits of {@code page}'s word from {@code page} up to, not with, {@code end}. */
  private static long mask(long page, long end) {
    long mask = -1L << page;
    return end < nextWord(page) ? mask & ~(-1L << end) : mask;
  }

  /** Adds every page. Must not run concurrently with other changes of the bitmap. */
  public void setAll() {
    long whole = size >>> 6;
    words.asSlice(0, whole << 3).fill((byte) -1);
    if (whole < wordCount) {
      setWord(whole, ~(-1L << size));
    }
  }

  /** Removes every page. */
  public void clearAll() {
    clear(0, size);
  }

  /**
   * Removes every page, and gives the host memory of a large bitmap back. Its address space stays
   * mapped as long as it is reachable.
   *
   * @throws IOException if the kernel refuses
   */
  public void release() throws IOException {
    if (words.byteSize() < SPARSE_BYTES) {
      clearAll();
    } else {
      Madvise.dontNeed(words, 0, words.byteSize());
    }
  }

  /** Returns whether there is no page in words {@code from} to {@code to - 1}. */
  public boolean isEmpty(long from, long to) {
    for (long i = from; i < to; i += CHUNK_WORDS) {
      if (!equal(NONE, i, Math.min(to, i + CHUNK_WORDS))) {
        return false;
      }
    }
    return true;
  }

  /** Removes all pages of words {@code from} to {@code to - 1}, which no other thread changes. */
  public void clearWords(long from, long to) {
    words.asSlice(from << 3, (to - from) << 3).fill((byte) 0);
  }

  private boolean equal(MemorySegment chunk, long from, long to) {
    return MemorySegment.mismatch(words, from << 3, to << 3, chunk, 0, (to - from) << 3) < 0;
  }

  /** Returns how many pages are in the set. */
  public long cardinality() {
    return countWords(0, wordCount);
  }

  private long countWords(long first, long end) {
    long count = 0;
    for (long from = first; from < end; from += CHUNK_WORDS) {
      long to = Math.min(end, from + CHUNK_WORDS);
      if (equal(ALL, from, to)) {
        count += (to - from) * Long.SIZE;
      } else if (!equal(NONE, from, to)) {
        for (long i = from; i < to; i++) {
          count += Long.bitCount((long) WORD.get(words, i << 3));
        }
      }
    }
    return count;
  }

  /** Returns how many of the pages {@code first} to {@code first + count - 1} are in the set. */
  public long cardinality(long first, long count) {
    Objects.checkFromIndexSize(first, count, size);
    long end = first + count;
    long whole = Math.min(end, (first + 63) & -64L);
    long tail = Math.max(whole, end & -64L);
    return countPart(first, whole) + countWords(whole >>> 6, tail >>> 6) + countPart(tail, end);
  }

  private long countPart(long first, long end) {
    return first == end ? 0 : Long.bitCount(word(first >>> 6) & mask(first, end));
  }

  /** Returns the first page from {@code from} on that is in the set, or {@link #size}. */
  public long nextSet(long from) {
    return next(from, size, 0);
  }

  /**
   * Returns the first page from {@code from} on and before {@code end} that is in the set, or
   * {@code end}. Does not read past {@code end}.
   */
  public long nextSet(long from, long end) {
    return next(from, Math.min(end, size), 0);
  }

  /** Returns the first page from {@code from} on that is not in the set, or {@link #size}. */
  public long nextClear(long from) {
    return next(from, size, -1L);
  }

  /**
   * Returns the first page from {@code from} on and before {@code end} that is not in the set, or
   * {@code end}. Does not read past {@code end}.
   */
  public long nextClear(long from, long end) {
    return next(from, Math.min(end, size), -1L);
  }

  /**
   * The first bit from {@code from} on and before {@code end} that is set once its word is xor-ed
   * with {@code flip}, or {@code end}.
   */
  private long next(long from, long end, long flip) {
    if (from >= end) {
      return end;
    }
    long index = from >>> 6;
    long words = wordsFor(end);
    long word = (word(index) ^ flip) & (-1L << from);
    while (word == 0) {
      index = skip(index + 1, words, flip);
      if (index == words) {
        return end;
      }
      word = word(index) ^ flip;
    }
    return Math.min(end, (index << 6) + Long.numberOfTrailingZeros(word));
  }

  /** The first word from {@code index} on that may differ from {@code flip}, or {@code end}. */
  private long skip(long index, long end, long flip) {
    long next = index;
    if (next % CHUNK_WORDS == 0) {
      MemorySegment chunk = flip == 0 ? NONE : ALL;
      while (end - next >= CHUNK_WORDS && equal(chunk, next, next + CHUNK_WORDS)) {
        next += CHUNK_WORDS;
      }
    }
    return next;
  }

  /** Removes the pages of {@code other}, which has the same size. */
  public void andNot(PageBitmap other) {
    checkSize(other);
    for (long i = 0; i < wordCount; i++) {
      long word = other.word(i);
      if (word != 0) {
        andWord(i, ~word);
      }
    }
  }

  /**
   * Moves all pages into {@code into}, which has the same size. Pages that other threads add
   * meanwhile are moved or stay; none is lost.
   */
  public void drainTo(PageBitmap into) {
    checkSize(into);
    for (long from = 0; from < wordCount; from += CHUNK_WORDS) {
      long to = Math.min(wordCount, from + CHUNK_WORDS);
      if (!equal(NONE, from, to)) {
        for (long i = from; i < to; i++) {
          if (word(i) != 0) {
            into.orWord(i, getAndSetWord(i, 0));
          }
        }
      }
    }
  }

  private void checkSize(PageBitmap other) {
    if (other.size != size) {
      throw new IllegalArgumentException("bitmap of " + other.size + " bits, expected " + size);
    }
  }

  /** Accepts each run of consecutive pages. */
  @FunctionalInterface
  public interface RunConsumer<X extends Exception> {
    /** Accepts pages {@code first} to {@code first + count - 1}. */
    void accept(long first, long count) throws X;
  }

  /** Calls {@code consumer} for each maximal run of pages in the set, ascending. */
  public <X extends Exception> void forEachRun(RunConsumer<X> consumer) throws X {
    for (long first = nextSet(0); first < size; ) {
      long end = nextClear(first);
      consumer.accept(first, end - first);
      first = nextSet(end);
    }
  }

  /** Returns how many bytes {@code bits} take, in whole 64-bit words. */
  public static long bytesFor(long bits) {
    return wordsFor(bits) * ValueLayout.JAVA_LONG.byteSize();
  }
}
