package dev.ballast.ffi.kvm;

import java.util.OptionalLong;

/** Model-specific registers with their values, in a fixed order; immutable. */
public final class MsrTable {
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

  /** Returns the value of the register with an index, empty if it is not in the table. */
  public OptionalLong find(int index) {
    for (int i = 0; i < indices.length; i++) {
      if (indices[i] == index) {
        return OptionalLong.of(values[i]);
      }
    }
    return OptionalLong.empty();
  }
}
