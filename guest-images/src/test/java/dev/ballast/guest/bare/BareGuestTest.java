package dev.ballast.guest.bare;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

final class BareGuestTest {
  private static final int PT_LOAD = 1;
  private static final int PT_NOTE = 4;
  private static final int XEN_ELFNOTE_PHYS32_ENTRY = 18;

  private final ByteBuffer elf = ByteBuffer.wrap(BareGuest.elf()).order(ByteOrder.LITTLE_ENDIAN);

  @Test
  void isAnElfWhosePvhNoteNamesItsEntry() {
    assertThat(elf.getInt(0)).isEqualTo(0x464c457f);
    assertThat(elf.getShort(18)).as("e_machine, EM_X86_64").isEqualTo((short) 62);
    int note = Math.toIntExact(elf.getLong(segment(PT_NOTE) + 8));
    assertThat(elf.getInt(note)).as("name size").isEqualTo(4);
    assertThat(elf.getInt(note + 4)).as("value size").isEqualTo(8);
    assertThat(elf.getInt(note + 8)).isEqualTo(XEN_ELFNOTE_PHYS32_ENTRY);
    byte[] name = new byte[4];
    elf.get(note + 12, name);
    assertThat(new String(name, StandardCharsets.US_ASCII)).isEqualTo("Xen\0");
    assertThat(elf.getLong(note + 16)).isEqualTo(elf.getLong(24)).isEqualTo(0x100000);
  }

  @Test
  void isLoadedAtOneMebibyteAndSmall() {
    assertThat(elf.getLong(segment(PT_LOAD) + 24)).as("p_paddr").isEqualTo(0x100000);
    assertThat(elf.capacity()).isLessThan(100_000);
  }

  /** Returns where the first program header of that type is. */
  private int segment(int type) {
    int table = Math.toIntExact(elf.getLong(32));
    for (int i = 0; i < elf.getShort(56); i++) {
      int header = table + i * elf.getShort(54);
      if (elf.getInt(header) == type) {
        return header;
      }
    }
    throw new AssertionError("no program header of type " + type);
  }
}
