package dev.ballast.vmm.memory;

import dev.ballast.ffi.kvm.Capability;
import dev.ballast.ffi.kvm.KvmMemorySlots;
import dev.ballast.ffi.kvm.KvmVm;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * KVM's dirty log of guest RAM (KVM API §4.8, §4.117, §7.18). With manual protection, fetching and
 * write-protecting are two steps, and nothing is protected when the log starts: pages that a
 * migration does not send are never protected, the others part by part, so that the MMU lock is
 * never held for a whole terabyte. Without it, KVM protects all of RAM at the start, and the dirty
 * pages again at every fetch.
 *
 * <p>For the migration's thread; {@link #protect} for the sending threads as well.
 */
public final class KvmDirtyLog implements DirtyLog {
  /**
   * For each so many vCPUs, {@link RamBlock#MIN_PROTECT_BYTES} more are protected at once. Each
   * call interrupts all vCPUs to flush their TLBs, and with page-modification logging to read their
   * logs.
   */
  private static final int VCPUS_PER_PROTECT_UNIT = 8;

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
  private record Memslot(int number, long guestAddress, long size, long ramOffset) {
    /** Memslots start and end on 2 MiB, so that their words are words of the whole bitmap. */
    long firstWord() {
      return ramOffset / RamBlock.PAGE_SIZE / Long.SIZE;
    }

    long endWord() {
      return firstWord() + size / RamBlock.PAGE_SIZE / Long.SIZE;
    }
  }

  private final KvmVm vm;
  private final GuestMemory memory;
  private final List<Memslot> slots;
  private final long protectBytes;

  /**
   * {@code KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE} and what goes with it; 0 if KVM protects itself.
   */
  private final int manualProtect;

  private boolean running;

  /**
   * Maps guest RAM into the VM.
   *
   * @param vm the VM that {@code memory} becomes the RAM of
   * @param memory guest RAM
   * @param vcpus how many vCPUs the VM will have
   * @throws IOException if KVM refuses a memslot
   */
  public KvmDirtyLog(KvmVm vm, GuestMemory memory, int vcpus) throws IOException {
    this(vm, memory, vcpus, MAX_SLOT_BYTES);
  }

  /**
   * @param maxSlotBytes the most that a memslot gets, a multiple of 2 MiB
   */
  KvmDirtyLog(KvmVm vm, GuestMemory memory, int vcpus, long maxSlotBytes) throws IOException {
    this.vm = vm;
    this.memory = memory;
    this.slots = split(memory.regions(), maxSlotBytes);
    this.protectBytes = protectBytes(vcpus);
    this.manualProtect =
        vm.checkExtension(Capability.MANUAL_DIRTY_LOG_PROTECT2)
            & (KvmMemorySlots.DIRTY_LOG_MANUAL_PROTECT_ENABLE
                | KvmMemorySlots.DIRTY_LOG_INITIALLY_SET);
    if (manualProtect != 0) {
      vm.enableCapability(Capability.MANUAL_DIRTY_LOG_PROTECT2, 0, manualProtect);
    }
    setFlags(0);
  }

  /** Returns a power of two that grows with the number of vCPUs. */
  static long protectBytes(int vcpus) {
    long wanted = RamBlock.MIN_PROTECT_BYTES * Math.ceilDiv(vcpus, VCPUS_PER_PROTECT_UNIT);
    return Math.min(RamBlock.MAX_PROTECT_BYTES, Long.highestOneBit(2 * wanted - 1));
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
      vm.memorySlots()
          .set(slot.number(), flags, slot.guestAddress(), slot.size(), base + slot.ramOffset());
    }
  }

  @Override
  public void start() throws IOException {
    // First: should a later memslot be refused, stop() still undoes the earlier ones.
    running = true;
    setFlags(KvmMemorySlots.MEM_LOG_DIRTY_PAGES);
  }

  @Override
  public void stop() throws IOException {
    if (running) {
      setFlags(0);
      running = false;
    }
  }

  @Override
  public void fetch(PageBitmap into) throws IOException {
    if (running) {
      for (Memslot slot : slots) {
        vm.memorySlots().getDirtyLog(slot.number(), words(into, slot.firstWord(), slot.endWord()));
      }
    }
  }

  @Override
  public long protectBytes() {
    return protectBytes;
  }

  @Override
  public void protect(PageBitmap pages, long fromWord, long toWord) throws IOException {
    if (manualProtect == 0) {
      return;
    }
    for (Memslot slot : slots) {
      long from = Math.max(fromWord, slot.firstWord());
      long to = Math.min(toWord, slot.endWord());
      if (from < to) {
        vm.memorySlots()
            .clearDirtyLog(
                slot.number(),
                (from - slot.firstWord()) * Long.SIZE,
                Math.toIntExact((to - from) * Long.SIZE),
                words(pages, from, to));
      }
    }
  }

  private static MemorySegment words(PageBitmap bitmap, long from, long to) {
    return bitmap.memory().asSlice(from * Long.BYTES, (to - from) * Long.BYTES);
  }
}
