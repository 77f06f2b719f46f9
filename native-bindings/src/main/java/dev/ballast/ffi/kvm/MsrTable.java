package dev.ballast.ffi.kvm;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.OptionalLong;

/** Model-specific registers with their values, in an order that is kept; immutable. */
public final class MsrTable {
  private static final int ENTRY_SIZE = Integer.BYTES + Long.BYTES;

  private final int[] indices;
  private final long[] values;

  /** Creates a table of as many values as indices. */
  public MsrTable(int[] indices, long[] values) {
    if (indices.length != values.length) {
      throw new IllegalArgumentException(
          indices.length + " indices with " + values.length + " values");
    }
    this.indices = indices.clone();
    this.values = values.clone();
  }

  /**
   * Reads what {@link #toBytes} wrote.
   *
   * @throws IllegalArgumentException if the length is not a multiple of an entry's
   */
  public static MsrTable of(byte[] bytes) {
    if (bytes.length % ENTRY_SIZE != 0) {
      throw new IllegalArgumentException(bytes.length + " bytes are not a table of MSRs");
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int[] indices = new int[bytes.length / ENTRY_SIZE];
    long[] values = new long[indices.length];
    for (int i = 0; i < indices.length; i++) {
      indices[i] = buffer.getInt();
      values[i] = buffer.getLong();
    }
    return new MsrTable(indices, values);
  }

  /**
   * Returns the table as little-endian bytes: of each register 4 of the index, then 8 of the value.
   */
  public byte[] toBytes() {
    ByteBuffer buffer =
        ByteBuffer.allocate(indices.length * ENTRY_SIZE).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < indices.length; i++) {
      buffer.putInt(indices[i]).putLong(values[i]);
    }
    return buffer.array();
  }

  /** Returns how many registers there are. */
  public int size() {
    return indices.length;
  }

  /** Returns the index, for instance 0xC0000080 for EFER, of the {@code i}th register. */
  public int index(int i) {
    return indices[i];
  }

  /** Returns the value of the {@code i}th register. */
  public long value(int i) {
    return values[i];
  }

  /** Returns the value of the register with an index, empty if it is not here. */
  public OptionalLong find(int index) {
    for (int i = 0; i < indices.length; i++) {
      if (indices[i] == index) {
        return OptionalLong.of(values[i]);
      }
    }
    return OptionalLong.empty();
  }
}
