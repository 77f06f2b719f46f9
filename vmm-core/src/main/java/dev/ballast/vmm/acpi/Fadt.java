package dev.ballast.vmm.acpi;

import dev.ballast.vmm.acpi.AcpiConfig.PmPorts;

/** The Fixed ACPI Description Table: power management registers and flags (ACPI 6.5 §5.2.9). */
final class Fadt {
  private static final int REVISION = 6;
  private static final int MINOR_REVISION = 3;

  private static final int WBINVD = 1;
  private static final int PROC_C1 = 1 << 2;

  /** No fixed sleep button. PWR_BUTTON, bit 4, is clear: the power button is a fixed one. */
  private static final int NO_FIXED_SLEEP_BUTTON = 1 << 5;

  /** The RTC cannot wake through a fixed register. */
  private static final int FIX_RTC = 1 << 6;

  private static final int TIMER_32_BITS = 1 << 8;
  private static final int RESET_REG_SUP = 1 << 10;

  // IAPC_BOOT_ARCH. Bit 1 (8042) is clear: a guest need not look for a keyboard.
  private static final int LEGACY_DEVICES = 1;
  private static final int VGA_NOT_PRESENT = 1 << 2;

  private static final int UNSPECIFIED_PROFILE = 0;

  /** Worst-case latencies above these say that there are no C2 and C3 states. */
  private static final int NO_C2 = 0x65;

  private static final int NO_C3 = 0x3e9;
  private static final int CMOS_CENTURY = 0x32;

  private Fadt() {}

  static byte[] build(AcpiConfig config, long facs, long dsdt) {
    PmPorts pm = config.pmPorts();
    return TableWriter.withHeader("FACP", REVISION)
        .u32(facs)
        .u32(dsdt)
        .u8(0)
        .u8(UNSPECIFIED_PROFILE)
        .u16(pm.sci())
        .u32(0) // SMI_CMD: none, always in ACPI mode
        .zeros(4) // ACPI_ENABLE, ACPI_DISABLE, S4BIOS_REQ, PSTATE_CNT
        .u32(pm.eventBlock())
        .u32(0) // PM1b_EVT_BLK
        .u32(pm.controlBlock())
        .u32(0) // PM1b_CNT_BLK
        .u32(0) // PM2_CNT_BLK
        .u32(pm.timerBlock())
        .u32(0) // GPE0_BLK
        .u32(0) // GPE1_BLK
        .u8(4) // PM1_EVT_LEN
        .u8(2) // PM1_CNT_LEN
        .u8(0) // PM2_CNT_LEN
        .u8(4) // PM_TMR_LEN
        .zeros(4) // GPE0_BLK_LEN, GPE1_BLK_LEN, GPE1_BASE, CST_CNT
        .u16(NO_C2)
        .u16(NO_C3)
        .zeros(4) // FLUSH_SIZE, FLUSH_STRIDE
        .zeros(2) // DUTY_OFFSET, DUTY_WIDTH
        .zeros(2) // DAY_ALRM, MON_ALRM
        .u8(CMOS_CENTURY)
        .u16(LEGACY_DEVICES | VGA_NOT_PRESENT)
        .u8(0)
        .u32(WBINVD | PROC_C1 | NO_FIXED_SLEEP_BUTTON | FIX_RTC | TIMER_32_BITS | RESET_REG_SUP)
        .portAddress(config.resetRegister().port(), 8)
        .u8(config.resetRegister().value())
        .u16(0) // ARM_BOOT_ARCH
        .u8(MINOR_REVISION)
        .u64(0) // X_FIRMWARE_CTRL: the 32-bit one is used
        .u64(dsdt)
        .portAddress(pm.eventBlock(), 32)
        .noAddress() // X_PM1b_EVT_BLK
        .portAddress(pm.controlBlock(), 16)
        .noAddress() // X_PM1b_CNT_BLK
        .noAddress() // X_PM2_CNT_BLK
        .portAddress(pm.timerBlock(), 32)
        .noAddress() // X_GPE0_BLK
        .noAddress() // X_GPE1_BLK
        .noAddress() // SLEEP_CONTROL_REG
        .noAddress() // SLEEP_STATUS_REG
        .ascii("BALLAST\0") // hypervisor vendor identity
        .finish();
  }
}
