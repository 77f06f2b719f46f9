package dev.ballast.guest.initramfs;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/**
 * Writes a cpio archive in the {@code newc} format, which is what the kernel unpacks as its
 * initramfs (Linux {@code Documentation/driver-api/early-userspace/buffer-format.rst}): a header of
 * 110 ASCII bytes, the name, the data; header with name, and data, are each padded to a multiple of
 * 4 bytes.
 *
 * <p>Everything belongs to root and carries one modification time, so equal input gives equal
 * bytes. Names are relative ({@code bin/sh}); the kernel creates no parents, so a directory has to
 * be written before what is in it, and that is checked. Not thread-safe.
 */
public final class CpioWriter implements AutoCloseable {
  /** The largest file that the format can describe, in bytes. */
  public static final long MAX_FILE_SIZE = 0xffff_ffffL;

  /** The longest name or symlink target, in bytes (the kernel's PATH_MAX less its terminator). */
  public static final int MAX_NAME_LENGTH = 4095;

  private static final int TYPE_DIRECTORY = 0040000;
  private static final int TYPE_CHARACTER_DEVICE = 0020000;
  private static final int TYPE_BLOCK_DEVICE = 0060000;
  private static final int TYPE_FILE = 0100000;
  private static final int TYPE_SYMLINK = 0120000;
  private static final String TRAILER = "TRAILER!!!";
  private static final int COPY_BUFFER = 1 << 16;

  private final OutputStream out;
  private final long modificationTime;
  private final Set<String> directories = new HashSet<>();
  private final Set<String> names = new HashSet<>();
  private long written;
  private int inode;
  private boolean closed;

  /**
   * @param out where the archive goes; closed with this
   * @param modificationTime of every entry, in seconds since 1970, 0 to 2^32-1
   */
  public CpioWriter(OutputStream out, long modificationTime) {
    if (modificationTime < 0 || modificationTime > 0xffff_ffffL) {
      throw new IllegalArgumentException(
          "modification time " + modificationTime + " is not 32 bits");
    }
    this.out = out;
    this.modificationTime = modificationTime;
  }

  /** Adds a directory. */
  public void directory(String name, int permissions) throws IOException {
    entry(name, TYPE_DIRECTORY, permissions, 0, 0, 0);
    directories.add(name);
  }

  /** Adds a file with the given content. */
  public void file(String name, int permissions, byte[] content) throws IOException {
    entry(name, TYPE_FILE, permissions, content.length, 0, 0);
    write(content, content.length);
    pad();
  }

  /**
   * Adds a file with the content of a file of the host.
   *
   * @throws IOException if it cannot be read, is larger than {@link #MAX_FILE_SIZE}, or changes its
   *     size meanwhile
   */
  public void file(String name, int permissions, Path content) throws IOException {
    long size = Files.size(content);
    if (size > MAX_FILE_SIZE) {
      throw new IOException(
          content + " has " + size + " bytes; a cpio archive holds files up to 4 GiB - 1 byte");
    }
    try (InputStream in = Files.newInputStream(content)) {
      entry(name, TYPE_FILE, permissions, size, 0, 0);
      byte[] buffer = new byte[COPY_BUFFER];
      long left = size;
      int count;
      while ((count = in.read(buffer)) > 0) {
        left -= count;
        if (left < 0) {
          break;
        }
        write(buffer, count);
      }
      if (left != 0) {
        throw new IOException(content + " changed its size while it was read");
      }
    }
    pad();
  }

  /** Adds a symbolic link. */
  public void symlink(String name, String target) throws IOException {
    byte[] bytes = target.getBytes(StandardCharsets.UTF_8);
    if (bytes.length == 0 || bytes.length > MAX_NAME_LENGTH || target.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("not a target of a symbolic link: " + target);
    }
    entry(name, TYPE_SYMLINK, 0777, bytes.length, 0, 0);
    write(bytes, bytes.length);
    pad();
  }

  /** Adds a character device. */
  public void characterDevice(String name, int permissions, int major, int minor)
      throws IOException {
    entry(name, TYPE_CHARACTER_DEVICE, permissions, 0, major, minor);
  }

  /** Adds a block device. */
  public void blockDevice(String name, int permissions, int major, int minor) throws IOException {
    entry(name, TYPE_BLOCK_DEVICE, permissions, 0, major, minor);
  }

  /** Ends the archive, and closes the stream under it. */
  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    try (out) {
      header(TRAILER, 0, 0, 1, 0, 0, 0);
    }
  }

  private void entry(String name, int type, int permissions, long size, int major, int minor)
      throws IOException {
    check(name);
    if ((permissions & ~07777) != 0) {
      throw new IllegalArgumentException(
          "permissions 0" + Integer.toOctalString(permissions) + " of " + name);
    }
    inode++;
    header(name, inode, type | permissions, type == TYPE_DIRECTORY ? 2 : 1, size, major, minor);
  }

  private void check(String name) {
    if (closed) {
      throw new IllegalStateException("the archive is closed");
    }
    if (name.isEmpty()
        || name.equals(TRAILER)
        || name.indexOf('\0') >= 0
        || name.getBytes(StandardCharsets.UTF_8).length > MAX_NAME_LENGTH) {
      throw new IllegalArgumentException("not a name in a cpio archive: '" + name + "'");
    }
    for (String part : name.split("/", -1)) {
      if (part.isEmpty() || part.equals(".") || part.equals("..")) {
        throw new IllegalArgumentException("not a plain relative name: '" + name + "'");
      }
    }
    int slash = name.lastIndexOf('/');
    if (slash >= 0 && !directories.contains(name.substring(0, slash))) {
      throw new IllegalArgumentException(
          "directory '" + name.substring(0, slash) + "' has to be there before '" + name + "'");
    }
    if (!names.add(name)) {
      throw new IllegalArgumentException("'" + name + "' is there twice");
    }
  }

  private void header(String name, int inode, int mode, int links, long size, int major, int minor)
      throws IOException {
    byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
    StringBuilder header = new StringBuilder("070701");
    long time = inode == 0 ? 0 : modificationTime;
    // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
    long[] fields = {
      inode, mode, 0, 0, links, time, size, 0, 0, major, minor, nameBytes.length + 1L, 0
    };
    for (long field : fields) {
      header.append("%08x".formatted(field));
    }
    byte[] headerBytes = header.toString().getBytes(StandardCharsets.US_ASCII);
    write(headerBytes, headerBytes.length);
    // One byte longer than the name: its terminator.
    write(Arrays.copyOf(nameBytes, nameBytes.length + 1), nameBytes.length + 1);
    pad();
  }

  private void write(byte[] bytes, int count) throws IOException {
    out.write(bytes, 0, count);
    written += count;
  }

  private void pad() throws IOException {
    int padding = (int) (-written & 3);
    write(new byte[padding], padding);
  }
}
