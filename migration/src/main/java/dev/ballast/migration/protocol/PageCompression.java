package dev.ballast.migration.protocol;

import java.io.IOException;
import java.util.Arrays;
import java.util.function.Supplier;

/** How the content of pages is compressed on its way. */
public enum PageCompression {
  /** Not at all. */
  NONE(0, "none"),
  /** As an LZ4 block (lz4 {@code doc/lz4_Block_format.md}). */
  LZ4(1, "lz4"),
  /** As a Zstandard frame (RFC 8878). */
  ZSTD(2, "zstd");

  /** The lowest level of {@link #ZSTD}: the fastest. */
  public static final int MIN_ZSTD_LEVEL = 1;

  /** The highest level of {@link #ZSTD}: the most compact. */
  public static final int MAX_ZSTD_LEVEL = 20;

  private final int code;
  private final String qmpName;

  PageCompression(int code, String qmpName) {
    this.code = code;
    this.qmpName = qmpName;
  }

  /** Returns the number on the wire: 0 and up, without gaps. */
  int code() {
    return code;
  }

  /** Returns the name that users know. */
  public String qmpName() {
    return qmpName;
  }

  /**
   * Returns the method with a QMP name.
   *
   * @param qmpName a name that {@link #qmpName} returns
   */
  public static PageCompression of(String qmpName) {
    return Arrays.stream(values()).filter(c -> c.qmpName.equals(qmpName)).findFirst().orElseThrow();
  }

  /**
   * Returns the method with a number on the wire.
   *
   * @param code a number that {@link #code} returns
   */
  static PageCompression of(int code) {
    return Arrays.stream(values()).filter(c -> c.code == code).findFirst().orElseThrow();
  }

  /**
   * Creates an object of the compression library, which is loaded first if necessary.
   *
   * @throws IOException if this host has no such library; the message is for the user
   */
  <T> T load(Supplier<T> library) throws IOException {
    try {
      return library.get();
    } catch (LinkageError | AssertionError | RuntimeException e) {
      throw new IOException("compression " + qmpName + " cannot be used on this host: " + e, e);
    }
  }
}
