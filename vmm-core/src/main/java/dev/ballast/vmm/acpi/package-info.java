/**
 * The ACPI tables that describe the machine's devices and processors to a guest (ACPI 6.5): RSDP,
 * XSDT, FADT, FACS, MADT and DSDT; of a machine with NUMA nodes SRAT and SLIT, too.
 */
@NullMarked
package dev.ballast.vmm.acpi;

import org.jspecify.annotations.NullMarked;
