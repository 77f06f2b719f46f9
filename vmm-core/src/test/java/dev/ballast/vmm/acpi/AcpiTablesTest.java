package dev.ballast.vmm.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ballast.vmm.acpi.AcpiConfig.PmPorts;
import dev.ballast.vmm.acpi.AcpiConfig.SerialPort;
import dev.ballast.vmm.acpi.AcpiConfig.VirtioMmio;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class AcpiTablesTest {
  private final AcpiImage image = AcpiTables.build(AcpiFixtures.config(4, 3), AcpiFixtures.BASE);
  private final ParsedTables tables = new ParsedTables(image);

  private static int sum(ByteBuffer bytes, int length) {
    int sum = 0;
    for (int i = 0; i < length; i++) {
      sum += bytes.get(i);
    }
    return sum & 0xff;
  }

  @Test
  void rsdpIsFoundWhereGuestsLookForIt() {
    assertThat(image.rsdpAddress() % 16).isZero();
    ByteBuffer rsdp = tables.at(image.rsdpAddress(), 36);
    byte[] signature = new byte[8];
    rsdp.get(signature);
    assertThat(new String(signature, StandardCharsets.US_ASCII)).isEqualTo("RSD PTR ");
    assertThat(rsdp.get(15)).as("revision").isEqualTo((byte) 2);
    assertThat(sum(rsdp, 20)).as("checksum").isZero();
    assertThat(sum(rsdp, 36)).as("extended checksum").isZero();
  }

  @Test
  void everyTableIsThereAndSumsUpToZero() {
    assertThat(tables.tables()).containsOnlyKeys("XSDT", "FACP", "APIC", "DSDT", "FACS");
    tables
        .tables()
        .forEach(
            (signature, bytes) -> {
              if (!signature.equals("FACS")) {
                assertThat(sum(ByteBuffer.wrap(bytes), bytes.length)).as(signature).isZero();
              }
            });
  }

  @Test
  void fadtDescribesTheFixedHardware() {
    ByteBuffer fadt = tables.table("FACP");
    assertThat(fadt.limit()).as("length of revision 6").isEqualTo(276);
    assertThat(fadt.getInt(36) % 64).as("FACS alignment").isZero();
    assertThat(fadt.getShort(46)).as("SCI").isEqualTo((short) 9);
    assertThat(fadt.getInt(48)).as("SMI_CMD").isZero();
    assertThat(fadt.getInt(56)).as("PM1a_EVT_BLK").isEqualTo(0x600);
    assertThat(fadt.getInt(64)).as("PM1a_CNT_BLK").isEqualTo(0x604);
    assertThat(fadt.getInt(76)).as("PM_TMR_BLK").isEqualTo(0x608);
    assertThat(fadt.get(108)).as("CENTURY").isEqualTo((byte) 0x32);
    int flags = fadt.getInt(112);
    assertThat(flags & 1 << 4).as("PWR_BUTTON is fixed").isZero();
    assertThat(flags & 1 << 8).as("TMR_VAL_EXT").isNotZero();
    assertThat(flags & 1 << 10).as("RESET_REG_SUP").isNotZero();
    assertThat(flags & 1 << 20).as("HW_REDUCED_ACPI").isZero();
    assertThat(fadt.get(116)).as("reset register in I/O space").isEqualTo((byte) 1);
    assertThat(fadt.getLong(120)).as("reset register").isEqualTo(0x64);
    assertThat(fadt.get(128)).as("reset value").isEqualTo((byte) 0xfe);
    assertThat(Integer.toUnsignedLong(fadt.getInt(40))).isEqualTo(fadt.getLong(140));
    assertThat(fadt.getLong(152)).as("X_PM1a_EVT_BLK").isEqualTo(0x600);
    assertThat(fadt.getLong(176)).as("X_PM1a_CNT_BLK").isEqualTo(0x604);
    assertThat(fadt.getLong(212)).as("X_PM_TMR_BLK").isEqualTo(0x608);
  }

  @Test
  void madtListsProcessorsAndControllers() {
    List<String> entries = madtEntries(tables);
    assertThat(tables.table("APIC").getInt(36)).isEqualTo(0xFEE0_0000);
    assertThat(entries)
        .containsExactly(
            "00 08 00 00 01 00 00 00",
            "00 08 01 01 01 00 00 00",
            "00 08 02 02 01 00 00 00",
            "00 08 03 03 01 00 00 00",
            "01 0c 00 00 00 00 c0 fe 00 00 00 00",
            "02 0a 00 00 02 00 00 00 00 00",
            "02 0a 00 09 09 00 00 00 0d 00",
            "04 06 ff 00 00 01");
  }

  /** ACPI 6.5 §5.2.12.12 and §5.2.12.13. */
  @Test
  void processorsWithLongIdsHaveX2ApicEntriesAndThereIsNo8259() {
    ParsedTables large =
        new ParsedTables(AcpiTables.build(AcpiFixtures.config(257, 1), AcpiFixtures.BASE));
    assertThat(tables.table("APIC").getInt(40)).as("flags").isEqualTo(1);
    assertThat(large.table("APIC").getInt(40)).as("flags").isZero();
    List<String> entries = madtEntries(large);
    assertThat(entries).filteredOn(entry -> entry.startsWith("00")).hasSize(255);
    assertThat(entries)
        .contains("00 08 fe fe 01 00 00 00")
        .filteredOn(entry -> entry.startsWith("09"))
        .containsExactly(
            "09 10 00 00 ff 00 00 00 01 00 00 00 ff 00 00 00",
            "09 10 00 00 00 01 00 00 01 00 00 00 00 01 00 00");
    assertThat(entries).contains("04 06 ff 00 00 01", "0a 0c 00 00 ff ff ff ff 01 00 00 00");
  }

  @Test
  void timerOnItsOwnPinNeedsNoOverride() {
    AcpiConfig config =
        new AcpiConfig(
            1,
            0,
            List.of(),
            List.of(),
            AcpiFixtures.PM,
            AcpiFixtures.RESET,
            OptionalInt.empty(),
            NumaTopology.NONE);
    ParsedTables small = new ParsedTables(AcpiTables.build(config, AcpiFixtures.BASE));
    assertThat(madtEntries(small))
        .filteredOn(entry -> entry.startsWith("02"))
        .containsExactly("02 0a 00 09 09 00 00 00 0d 00");
  }

  private static List<String> madtEntries(ParsedTables tables) {
    ByteBuffer madt = tables.table("APIC");
    List<String> entries = new ArrayList<>();
    for (int at = 44; at < madt.limit(); at += madt.get(at + 1)) {
      StringBuilder entry = new StringBuilder();
      for (int i = 0; i < madt.get(at + 1); i++) {
        entry.append(String.format(i == 0 ? "%02x" : " %02x", madt.get(at + i)));
      }
      entries.add(entry.toString());
    }
    return entries;
  }

  @Test
  void largestMachineFitsBelowOneMegabyte() {
    AcpiImage largest = AcpiTables.build(AcpiFixtures.config(1024, 256), AcpiFixtures.BASE);
    assertThat(largest.bytes().length).isLessThanOrEqualTo(0x2_0000);
  }

  @Test
  void refusesWhatCannotBeDescribed() {
    assertThatIllegalArgumentException().isThrownBy(() -> AcpiFixtures.config(0, 0));
    assertThatIllegalArgumentException().isThrownBy(() -> AcpiFixtures.config(4097, 0));
    assertThatIllegalArgumentException().isThrownBy(() -> new SerialPort(0xfffc, 4));
    assertThatIllegalArgumentException().isThrownBy(() -> new SerialPort(0x3f8, 16));
    assertThatIllegalArgumentException().isThrownBy(() -> new VirtioMmio(0xFFFF_F000L, 0x2000, 5));
    assertThatIllegalArgumentException().isThrownBy(() -> new VirtioMmio(0xD000_0000L, 0x200, 24));
    assertThatIllegalArgumentException().isThrownBy(() -> new PmPorts(0x600, 0x604, 0x608, 9, 8));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> AcpiTables.build(AcpiFixtures.config(1, 0), 0xE_0010L));
  }
}
