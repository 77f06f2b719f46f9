package dev.ballast.ffi.kvm;

import java.util.Objects;
import java.util.OptionalLong;

/** Model-specific registers with their values, in a fixed order; immutable. */
public final class MsrTable {
  private final int[] indices;
  private final long[] values;
  private final int size;

  private MsrTable(int[] indices, long[] values, int size) {
    this.indices = indices;
    this.values = values;
    this.size = size;
  }

  /** Creates a table of as many values as indices. */
  public MsrTable(int[] indices, long[] values) {
    this(indices.clone(), values.clone(), indices.length);
    if (indices.length != values.length) {
      throw new IllegalArgumentException(
          indices.length + " indices with " + values.length + " values");
    }
  }

  /** Creates a table of the first elements of arrays that nobody else keeps. */
  static MsrTable owning(int[] indices, long[] values, int size) {
    return new MsrTable(indices, values, size);
  }

  /** Returns how many registers there are. */
  public int size() {
    return size;
  }

  /** Returns the index, for instance 0xC0000080 for EFER, of the {@code i}th register. */
  public int index(int i) {
    return indices[Objects.checkIndex(i, size)];
  }

  /** Returns the value of the {@code i}th register. */
  public long value(int i) {
    return values[Objects.checkIndex(i, size)];
  }

  /** Returns the value of the register with an index, empty if it is not in the table. */
  public OptionalLong find(int index) {
    for (int i = 0; i < size; i++) {
      if (indices[i] == index) {
        return OptionalLong.of(values[i]);
      }
    }
    return OptionalLong.empty();
  }
}
