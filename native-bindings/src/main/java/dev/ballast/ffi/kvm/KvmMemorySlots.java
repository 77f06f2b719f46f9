package dev.ballast.ffi.kvm;

import dev.ballast.ffi.generated.kvm.KvmH;
import dev.ballast.ffi.generated.kvm.kvm_clear_dirty_log;
import dev.ballast.ffi.generated.kvm.kvm_dirty_log;
import dev.ballast.ffi.generated.kvm.kvm_userspace_memory_region;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.FileDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The slots of guest memory of a {@link KvmVm}, and their dirty logs: which pages the guest has
 * written. Usable as long as the machine is not closed. Any thread. Every method throws {@link
 * ErrnoException} as its section of the KVM API says.
 */
public final class KvmMemorySlots {
  /** {@link #set}: keep a dirty log. */
  public static final int MEM_LOG_DIRTY_PAGES = (int) KvmH.KVM_MEM_LOG_DIRTY_PAGES();

  /**
   * Argument of {@link Capability#MANUAL_DIRTY_LOG_PROTECT2}: {@link #clearDirtyLog} write-protects
   * pages, {@link #getDirtyLog} does not.
   */
  public static final int DIRTY_LOG_MANUAL_PROTECT_ENABLE =
      KvmH.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE();

  /**
   * Argument of {@link Capability#MANUAL_DIRTY_LOG_PROTECT2}: the log starts with all pages dirty.
   */
  public static final int DIRTY_LOG_INITIALLY_SET = KvmH.KVM_DIRTY_LOG_INITIALLY_SET();

  private final FileDescriptor file;

  KvmMemorySlots(FileDescriptor file) {
    this.file = file;
  }

  private int call(String name, long request, MemorySegment argument, String context)
      throws ErrnoException {
    return Ioctl.call(file, name, request, argument, context);
  }

  /**
   * Creates, changes or, with a size of 0, deletes a slot of guest memory (KVM API §4.35). The host
   * memory must stay mapped until the slot is deleted or the machine is gone.
   *
   * @param flags 0 or {@link #MEM_LOG_DIRTY_PAGES}
   * @param guestPhysicalAddress page-aligned
   * @param size in bytes, a multiple of the page size
   * @param hostAddress page-aligned; KVM can map huge pages only if it has the same offset within
   *     one as {@code guestPhysicalAddress}
   */
  public void set(int slot, int flags, long guestPhysicalAddress, long size, long hostAddress)
      throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment region = kvm_userspace_memory_region.allocate(arena);
      kvm_userspace_memory_region.slot(region, slot);
      kvm_userspace_memory_region.flags(region, flags);
      kvm_userspace_memory_region.guest_phys_addr(region, guestPhysicalAddress);
      kvm_userspace_memory_region.memory_size(region, size);
      kvm_userspace_memory_region.userspace_addr(region, hostAddress);
      call(
          "KVM_SET_USER_MEMORY_REGION",
          KvmH.KVM_SET_USER_MEMORY_REGION(),
          region,
          "slot " + slot + ", " + size + " bytes at 0x" + Long.toHexString(guestPhysicalAddress));
    }
  }

  /**
   * Fetches which pages of a slot the guest has written (KVM API §4.8). Unless {@link
   * Capability#MANUAL_DIRTY_LOG_PROTECT2} is enabled, this also clears the log and write-protects
   * the pages.
   *
   * @param bitmap native memory, one bit a page, a multiple of 64 bits and at least the slot's
   */
  public void getDirtyLog(int slot, MemorySegment bitmap) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment log = kvm_dirty_log.allocate(arena);
      kvm_dirty_log.slot(log, slot);
      kvm_dirty_log.dirty_bitmap(log, bitmap);
      call("KVM_GET_DIRTY_LOG", KvmH.KVM_GET_DIRTY_LOG(), log, "slot " + slot);
    }
  }

  /**
   * Clears pages in a slot's dirty log and write-protects them (KVM API §4.117). Needs {@link
   * Capability#MANUAL_DIRTY_LOG_PROTECT2}.
   *
   * @param firstPage a multiple of 64
   * @param pages a multiple of 64, except at the end of the slot
   * @param bitmap native memory whose set bits, counted from {@code firstPage}, are the pages
   */
  public void clearDirtyLog(int slot, long firstPage, int pages, MemorySegment bitmap)
      throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment log = kvm_clear_dirty_log.allocate(arena);
      kvm_clear_dirty_log.slot(log, slot);
      kvm_clear_dirty_log.first_page(log, firstPage);
      kvm_clear_dirty_log.num_pages(log, pages);
      kvm_clear_dirty_log.dirty_bitmap(log, bitmap);
      call(
          "KVM_CLEAR_DIRTY_LOG",
          KvmH.KVM_CLEAR_DIRTY_LOG(),
          log,
          "slot " + slot + ", " + pages + " pages at page " + firstPage);
    }
  }
}
