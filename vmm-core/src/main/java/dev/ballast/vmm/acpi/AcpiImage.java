package dev.ballast.vmm.acpi;

/**
 * All tables as the guest finds them in its memory.
 *
 * @param bytes the tables; not copied
 * @param base the guest physical address of the first byte
 * @param rsdpAddress the guest physical address of the RSDP; a multiple of 16
 */
@SuppressWarnings("ArrayRecordComponent") // written to guest memory once, never compared
public record AcpiImage(byte[] bytes, long base, long rsdpAddress) {}
