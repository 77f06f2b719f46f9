package dev.ballast.vmm.device;

import dev.ballast.vmm.device.OutputBuffer.WhenFull;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A line to streams: standard input and output, or a file. No output is lost while the streams are
 * slow: the guest finds the UART busy. If writing fails, the rest of the output is lost.
 */
public final class StreamSerialBackend extends BufferedSerialBackend {
  private static final int CHUNK = 1 << 10;

  private final InputStream input;
  private final OutputStream output;
  private final boolean owned;

  /**
   * Connects streams that the caller closes.
   *
   * @param name for threads and messages
   * @param input read until it ends
   * @param output flushed after every write
   */
  public StreamSerialBackend(String name, InputStream input, OutputStream output) {
    this(name, input, output, false);
  }

  private StreamSerialBackend(String name, InputStream input, OutputStream output, boolean owned) {
    super(name, WhenFull.REFUSE);
    this.input = input;
    this.output = output;
    this.owned = owned;
  }

  /** Connects this process's standard input and output. */
  public static StreamSerialBackend stdio() {
    return new StreamSerialBackend(
        "stdio", new FileInputStream(FileDescriptor.in), new FileOutputStream(FileDescriptor.out));
  }

  /**
   * Writes output to a file, which is created or truncated; there is no input.
   *
   * @throws IOException if the file cannot be opened
   */
  public static StreamSerialBackend file(Path path) throws IOException {
    return new StreamSerialBackend(
        path.toString(), InputStream.nullInputStream(), Files.newOutputStream(path), true);
  }

  @Override
  public String filename() {
    return owned ? "file" : "stdio";
  }

  @Override
  void awaitReceiver() {}

  @Override
  void write(byte[] bytes, int length) throws IOException {
    output.write(bytes, 0, length);
    output.flush();
  }

  @Override
  void readAll(Line line) throws IOException, InterruptedException {
    byte[] chunk = new byte[CHUNK];
    for (int length = input.read(chunk); length >= 0; length = input.read(chunk)) {
      deliver(line, chunk, length);
    }
  }

  @Override
  void release() throws IOException {
    if (owned) {
      output.close();
    }
  }
}
