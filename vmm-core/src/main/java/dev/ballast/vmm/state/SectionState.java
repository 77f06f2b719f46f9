package dev.ballast.vmm.state;

/**
 * The saved state of a part of the machine.
 *
 * @param version that {@link Snapshottable#stateVersion} returned when it was saved
 * @param bytes what {@link Snapshottable#saveState} wrote; not copied
 */
@SuppressWarnings("ArrayRecordComponent") // handed on once, never compared
public record SectionState(int version, byte[] bytes) {}
