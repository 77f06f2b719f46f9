package dev.ballast.ffi.kvm;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.FileDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;

/**
 * A 64-bit attribute of a KVM descriptor (KVM API §4.80; Documentation/virt/kvm/devices/). Layout
 * and numbers are those of {@code linux/kvm.h}, {@code struct kvm_device_attr}.
 */
enum DeviceAttribute {
  /** Of a vCPU: what is added to the host's TSC, scaled, to give the guest's. Linux 5.16. */
  TSC_OFFSET(0, 0);

  static final long KVM_SET_DEVICE_ATTR = 0x4018AEE1L;
  static final long KVM_GET_DEVICE_ATTR = 0x4018AEE2L;
  static final long KVM_HAS_DEVICE_ATTR = 0x4018AEE3L;

  static final StructLayout KVM_DEVICE_ATTR =
      MemoryLayout.structLayout(
          JAVA_INT.withName("flags"),
          JAVA_INT.withName("group"),
          JAVA_LONG.withName("attr"),
          JAVA_LONG.withName("addr"));

  private static final long GROUP = offset("group");
  private static final long ATTRIBUTE = offset("attr");
  private static final long ADDRESS = offset("addr");

  final int group;
  final long attribute;

  DeviceAttribute(int group, long attribute) {
    this.group = group;
    this.attribute = attribute;
  }

  /** Returns whether the descriptor has the attribute; older kernels fail with various errnos. */
  boolean isThere(FileDescriptor file) {
    try (Arena arena = Arena.ofConfined()) {
      return Ioctl.attempt(file, KVM_HAS_DEVICE_ATTR, argument(arena, MemorySegment.NULL)) >= 0;
    }
  }

  long get(FileDescriptor file, String context) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(JAVA_LONG);
      int result = Ioctl.attempt(file, KVM_GET_DEVICE_ATTR, argument(arena, value));
      check(result, "KVM_GET_DEVICE_ATTR", context);
      return value.get(JAVA_LONG, 0);
    }
  }

  void set(FileDescriptor file, long value, String context) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment argument = argument(arena, arena.allocateFrom(JAVA_LONG, value));
      check(Ioctl.attempt(file, KVM_SET_DEVICE_ATTR, argument), "KVM_SET_DEVICE_ATTR", context);
    }
  }

  private void check(int result, String name, String context) throws ErrnoException {
    if (result < 0) {
      Ioctl.check(result, name, context + ", " + this);
    }
  }

  private MemorySegment argument(Arena arena, MemorySegment value) {
    MemorySegment argument = arena.allocate(KVM_DEVICE_ATTR);
    argument.set(JAVA_INT, GROUP, group);
    argument.set(JAVA_LONG, ATTRIBUTE, attribute);
    argument.set(JAVA_LONG, ADDRESS, value.address());
    return argument;
  }

  private static long offset(String field) {
    return KVM_DEVICE_ATTR.byteOffset(groupElement(field));
  }
}
