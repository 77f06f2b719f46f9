/**
 * The ACPI tables that tell a guest which devices and processors there are (ACPI 6.5): RSDP, XSDT,
 * FADT, FACS, MADT and DSDT.
 */
@NullMarked
package dev.ballast.vmm.acpi;

import org.jspecify.annotations.NullMarked;
