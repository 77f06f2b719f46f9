package dev.ballast.ffi.layout;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * What is generated to write and read a member, or an element of an array, touches the bytes where
 * the layout has it, and no others. The layouts may be right and the accessors not.
 */
class GeneratedAccessorsTest {
  private int members;
  private int elements;

  @Test
  void accessorsTouchTheirMemberAlone() throws Exception {
    for (Map.Entry<String, GroupLayout> struct : GeneratedCode.structs().entrySet()) {
      GroupLayout layout = struct.getValue();
      checkMembers(GeneratedCode.struct(struct.getKey()), layout.byteSize(), layout, 0);
    }
    assertThat(members).isGreaterThan(90);
    assertThat(elements).isGreaterThan(50);
  }

  private void checkMembers(Class<?> struct, long size, GroupLayout group, long base)
      throws Exception {
    long offset = base;
    for (MemoryLayout member : group.memberLayouts()) {
      String name = member.name().orElse("");
      if (name.startsWith("$anon$")) {
        checkMembers(struct, size, (GroupLayout) member, offset);
      } else if (member instanceof ValueLayout value) {
        checkMember(struct, size, name, value, offset);
        members++;
      } else if (member instanceof SequenceLayout array
          && array.elementLayout() instanceof ValueLayout element) {
        for (long i = 0; i < array.elementCount(); i++) {
          checkElement(struct, size, name, element, offset + i * element.byteSize(), i);
          elements++;
        }
      }
      if (group instanceof StructLayout) {
        offset += member.byteSize();
      }
    }
  }

  private static void checkMember(
      Class<?> struct, long size, String name, ValueLayout layout, long offset) throws Exception {
    MemorySegment segment = Arena.ofAuto().allocate(size, Long.BYTES);
    struct
        .getMethod(name, MemorySegment.class, layout.carrier())
        .invoke(null, segment, ones(layout));
    Object read = struct.getMethod(name, MemorySegment.class).invoke(null, segment);
    assertOnes(struct.getSimpleName() + "." + name, segment, offset, layout, read);
  }

  private static void checkElement(
      Class<?> struct, long size, String name, ValueLayout layout, long offset, long index)
      throws Exception {
    MemorySegment segment = Arena.ofAuto().allocate(size, Long.BYTES);
    struct
        .getMethod(name, MemorySegment.class, long.class, layout.carrier())
        .invoke(null, segment, index, ones(layout));
    Object read =
        struct.getMethod(name, MemorySegment.class, long.class).invoke(null, segment, index);
    String element = struct.getSimpleName() + "." + name + "[" + index + "]";
    assertOnes(element, segment, offset, layout, read);
  }

  /** Checks a struct of zeros whose member was set to ones, and what was read from the member. */
  private static void assertOnes(
      String member, MemorySegment struct, long offset, ValueLayout layout, Object read) {
    byte[] expected = new byte[Math.toIntExact(struct.byteSize())];
    int start = Math.toIntExact(offset);
    Arrays.fill(expected, start, start + Math.toIntExact(layout.byteSize()), (byte) -1);
    assertThat(struct.toArray(JAVA_BYTE)).as("after ones in %s", member).isEqualTo(expected);
    long value =
        read instanceof MemorySegment pointer ? pointer.address() : ((Number) read).longValue();
    assertThat(value).as("ones from %s", member).isEqualTo(-1);
  }

  private static Object ones(ValueLayout layout) {
    return switch (layout) {
      case ValueLayout.OfByte _ -> (byte) -1;
      case ValueLayout.OfShort _ -> (short) -1;
      case ValueLayout.OfInt _ -> -1;
      case ValueLayout.OfLong _ -> -1L;
      case AddressLayout _ -> MemorySegment.ofAddress(-1);
      default -> throw new AssertionError("not the type of an integer or a pointer: " + layout);
    };
  }
}
