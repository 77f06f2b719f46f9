package dev.ballast.vmm.memory;

import dev.ballast.ffi.kvm.Capability;
import dev.ballast.ffi.kvm.KvmVm;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * KVM's dirty log of guest RAM (KVM API §4.8, §4.117, §8.29). With manual protection, fetching and
 * write protecting are two steps: only what was dirty is protected again, in chunks, so that the
 * MMU lock is never held for a whole terabyte.
 *
 * <p>Control thread of a migration.
 */
public final class KvmDirtyLog implements DirtyLog {
  private static final long CLEAR_CHUNK_PAGES = 1 << 18;

  /** KVM takes fewer than 2^31 pages in a memslot; half of that keeps huge pages aligned. */
  private static final long MAX_SLOT_BYTES = 4L << 40;

  /**
   * A memslot of KVM's: a region of RAM, or a part of one that is larger than a memslot may be.
   *
   * @param number the number by which KVM knows it
   * @param guestAddress the first guest physical address in bytes
   * @param size in bytes, a multiple of 2 MiB
   * @param ramOffset where it starts in the {@code ram} block, in bytes
   */
  private record Memslot(int number, long guestAddress, long size, long ramOffset) {}

  private final KvmVm vm;
  private final GuestMemory memory;
  private final List<Memslot> slots;
  private final boolean manualProtect;

  /** What KVM's log is read into, by memslot; kept from pass to pass while the log runs. */
  private final List<PageBitmap> logs = new ArrayList<>();

  private boolean running;

  /**
   * Maps guest RAM into the VM.
   *
   * @param vm the VM that {@code memory} becomes the RAM of
   * @param memory guest RAM
   * @throws IOException if KVM refuses a memslot
   */
  public KvmDirtyLog(KvmVm vm, GuestMemory memory) throws IOException {
    this(vm, memory, MAX_SLOT_BYTES);
  }

  /**
   * @param maxSlotBytes the most that a memslot gets, a multiple of 2 MiB
   */
  KvmDirtyLog(KvmVm vm, GuestMemory memory, long maxSlotBytes) throws IOException {
    this.vm = vm;
    this.memory = memory;
    this.slots = split(memory.regions(), maxSlotBytes);
    this.manualProtect =
        (vm.checkExtension(Capability.MANUAL_DIRTY_LOG_PROTECT2)
                & KvmVm.DIRTY_LOG_MANUAL_PROTECT_ENABLE)
            != 0;
    if (manualProtect) {
      vm.enableCapability(
          Capability.MANUAL_DIRTY_LOG_PROTECT2, 0, KvmVm.DIRTY_LOG_MANUAL_PROTECT_ENABLE);
    }
    setFlags(0);
  }

  private static List<Memslot> split(List<MemoryRegion> regions, long maxSlotBytes) {
    List<Memslot> slots = new ArrayList<>();
    for (MemoryRegion region : regions) {
      for (long done = 0; done < region.size(); done += maxSlotBytes) {
        slots.add(
            new Memslot(
                slots.size(),
                region.guestAddress() + done,
                Math.min(maxSlotBytes, region.size() - done),
                region.ramOffset() + done));
      }
    }
    return List.copyOf(slots);
  }

  private void setFlags(int flags) throws IOException {
    long base = memory.ram().address();
    for (Memslot slot : slots) {
      vm.setUserMemoryRegion(
          slot.number(), flags, slot.guestAddress(), slot.size(), base + slot.ramOffset());
    }
  }

  @Override
  public void start() throws IOException {
    // First: should a later memslot be refused, stop() still undoes the earlier ones.
    running = true;
    for (Memslot slot : slots) {
      logs.add(PageBitmap.allocate(slot.size() / RamBlock.PAGE_SIZE));
    }
    setFlags(KvmVm.MEM_LOG_DIRTY_PAGES);
  }

  @Override
  public void stop() throws IOException {
    if (running) {
      setFlags(0);
      running = false;
      for (PageBitmap log : logs) {
        log.release();
      }
      logs.clear();
    }
  }

  @Override
  public void fetch(PageBitmap into) throws IOException {
    for (int i = 0; i < logs.size(); i++) {
      Memslot slot = slots.get(i);
      PageBitmap dirty = logs.get(i);
      vm.getDirtyLog(slot.number(), dirty.memory());
      if (manualProtect) {
        protect(slot.number(), dirty);
      }
      merge(dirty, slot.ramOffset() / RamBlock.PAGE_SIZE, into);
    }
  }

  /**
   * Clears the fetched bits in KVM and write protects their pages; chunks without any are left out.
   */
  private void protect(int slot, PageBitmap dirty) throws IOException {
    for (long first = dirty.nextSet(0); first < dirty.size(); ) {
      long start = first & -64L;
      long count = Math.min(CLEAR_CHUNK_PAGES, dirty.size() - start);
      vm.clearDirtyLog(
          slot, start, (int) count, dirty.memory().asSlice(start / 8, PageBitmap.bytesFor(count)));
      first = dirty.nextSet(start + count);
    }
  }

  /** Memslots start and end on 2 MiB, so that their words are words of the whole bitmap. */
  private static void merge(PageBitmap dirty, long firstPage, PageBitmap into) {
    long firstWord = firstPage >>> 6;
    for (long i = 0; i < dirty.wordCount(); i++) {
      long word = dirty.word(i);
      if (word != 0) {
        into.orWord(firstWord + i, word);
      }
    }
  }
}
