package dev.ballast.guest.linux;

import java.io.IOException;
import java.io.InputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;
import org.apache.commons.compress.compressors.zstandard.ZstdCompressorInputStream;

/** How distributions compress kernel modules and the members of packages. */
final class Compression {
  private Compression() {}

  /**
   * Returns the decompressed stream.
   *
   * @param suffix the end of the file's name: empty, {@code .xz}, {@code .gz} or {@code .zst}
   * @param what names the file in the error
   * @throws GuestImageException for any other suffix
   */
  static InputStream decompress(String suffix, InputStream in, String what) throws IOException {
    return switch (suffix) {
      case "" -> in;
      case ".xz" -> new XZCompressorInputStream(in);
      case ".gz" -> new GzipCompressorInputStream(in);
      case ".zst" -> new ZstdCompressorInputStream(in);
      default ->
          throw new GuestImageException(
              what + " is compressed as " + suffix + "; known are .xz, .gz and .zst");
    };
  }
}
