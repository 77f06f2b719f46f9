package dev.ballast.vmm.acpi;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Writes the fields of one table, little-endian, unpadded, as ACPI lays them out. */
final class TableWriter {
  /** The Generic Address Structure's address space for I/O ports (ACPI 6.5 §5.2.3.2). */
  private static final int SYSTEM_IO = 1;

  private static final String OEM_ID = "BALLST";
  private static final String OEM_TABLE_ID = "BALLAST ";
  private static final String CREATOR_ID = "BLST";
  private static final int LENGTH_OFFSET = 4;
  private static final int CHECKSUM_OFFSET = 9;

  private ByteBuffer buffer = ByteBuffer.allocate(512).order(ByteOrder.LITTLE_ENDIAN);

  private ByteBuffer room(int bytes) {
    if (buffer.remaining() < bytes) {
      int capacity = Math.max(buffer.capacity() * 2, buffer.position() + bytes);
      buffer = ByteBuffer.allocate(capacity).order(ByteOrder.LITTLE_ENDIAN).put(buffer.flip());
    }
    return buffer;
  }

  /** Starts a table with the header that all but RSDP and FACS have (ACPI 6.5 §5.2.6). */
  static TableWriter withHeader(String signature, int revision) {
    return new TableWriter()
        .ascii(signature)
        .u32(0) // length, see finish()
        .u8(revision)
        .u8(0) // checksum, see finish()
        .ascii(OEM_ID)
        .ascii(OEM_TABLE_ID)
        .u32(1) // OEM revision
        .ascii(CREATOR_ID)
        .u32(1); // creator revision
  }

  TableWriter u8(int value) {
    room(1).put((byte) value);
    return this;
  }

  TableWriter u16(int value) {
    room(2).putShort((short) value);
    return this;
  }

  TableWriter u32(long value) {
    room(4).putInt((int) value);
    return this;
  }

  TableWriter u64(long value) {
    room(8).putLong(value);
    return this;
  }

  TableWriter bytes(byte[] value) {
    room(value.length).put(value);
    return this;
  }

  TableWriter ascii(String value) {
    return bytes(value.getBytes(StandardCharsets.US_ASCII));
  }

  TableWriter zeros(int count) {
    return bytes(new byte[count]);
  }

  /** The OEM id alone, for the RSDP. */
  TableWriter oemId() {
    return ascii(OEM_ID);
  }

  /**
   * A Generic Address Structure for a port.
   *
   * @param width of the register in bits: 8, 16 or 32
   */
  TableWriter portAddress(int port, int width) {
    int accessSize = Integer.numberOfTrailingZeros(width) - 2;
    return u8(SYSTEM_IO).u8(width).u8(0).u8(accessSize).u64(port);
  }

  /** A Generic Address Structure for a register that is not there. */
  TableWriter noAddress() {
    return zeros(12);
  }

  /** Returns how many bytes were written. */
  int size() {
    return buffer.position();
  }

  /** Returns what was written. */
  byte[] toByteArray() {
    return Arrays.copyOf(buffer.array(), buffer.position());
  }

  /** Returns the table with the length and checksum of its header filled in. */
  byte[] finish() {
    byte[] table = toByteArray();
    ByteBuffer.wrap(table).order(ByteOrder.LITTLE_ENDIAN).putInt(LENGTH_OFFSET, table.length);
    table[CHECKSUM_OFFSET] = checksum(table, table.length);
    return table;
  }

  /** Returns the byte that makes the first {@code length} bytes sum up to 0, if it replaces a 0. */
  static byte checksum(byte[] table, int length) {
    byte sum = 0;
    for (int i = 0; i < length; i++) {
      sum += table[i];
    }
    return (byte) -sum;
  }
}
