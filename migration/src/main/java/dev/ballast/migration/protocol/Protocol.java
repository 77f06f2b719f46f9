package dev.ballast.migration.protocol;

import dev.ballast.vmm.memory.RamBlock;

/** The numbers of the protocol. */
public final class Protocol {
  /** The first four bytes of every frame, {@code BMIG}. */
  public static final int MAGIC = 0x47494d42;

  /** RAM without a balloon bitmap. */
  public static final int VERSION_1 = 1;

  /** As version 1, and the balloon bitmap migrates as a RAM block. */
  public static final int VERSION_2 = 2;

  /**
   * As version 2, and {@code CONFIG} says where RAM lies and what devices offer, and there are
   * additional connections for pages.
   */
  public static final int VERSION_3 = 3;

  /** As version 3, and {@code CONFIG} says how pages may be compressed. */
  public static final int VERSION_4 = 4;

  /** As version 4, and {@code CONFIG} has the frequency of the guest's TSC. */
  public static final int VERSION_5 = 5;

  /** As version 5, and {@code CONFIG} has the processor that the guest sees. */
  public static final int VERSION_6 = 6;

  /** The oldest version that this implementation supports. */
  public static final int MIN_VERSION = VERSION_1;

  /** The newest version that this implementation supports. */
  public static final int MAX_VERSION = VERSION_6;

  /** The size of a frame header in bytes. */
  public static final int HEADER_BYTES = 40;

  /** How many pages a {@link FrameType#RAM_PAGES} frame carries at most. */
  public static final int MAX_RUN_PAGES = 512;

  /**
   * How many pages it carries at most when they are compressed: 256 KiB, which fits into a
   * processor's cache together with the result, and which bounds the size of a stream's buffers.
   */
  public static final int MAX_COMPRESSED_PAGES = 64;

  /** How many pages one digest of a {@link FrameType#VERIFY} frame covers: 4 MiB. */
  public static final int DIGEST_PAGES = (4 << 20) / RamBlock.PAGE_SIZE;

  /** Flag: the payload's CRC32C is in the header. */
  public static final int FLAG_PAYLOAD_CHECKSUM = 1;

  /** Flag of {@link FrameType#RAM_PAGES}: a CRC32C of each page comes before the pages. */
  public static final int FLAG_PAGE_CHECKSUMS = 2;

  /** Flag of {@link FrameType#PASS_END}: the guest was stopped in this pass, no other follows. */
  public static final int FLAG_FINAL = 4;

  /** Flag of {@link FrameType#RAM_PAGES}: the pages are compressed, as {@code CONFIG} says. */
  public static final int FLAG_COMPRESSED = 8;

  /** All flags that are known. */
  static final int ALL_FLAGS =
      FLAG_PAYLOAD_CHECKSUM | FLAG_PAGE_CHECKSUMS | FLAG_FINAL | FLAG_COMPRESSED;

  private Protocol() {}
}
