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

  private final KvmVm vm;
  private final GuestMemory memory;
  private final boolean manualProtect;

  /** What KVM's log is read into, by region; kept from pass to pass while the log runs. */
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
    this.vm = vm;
    this.memory = memory;
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

  private void setFlags(int flags) throws IOException {
    long base = memory.ram().address();
    for (MemoryRegion region : memory.regions()) {
      vm.setUserMemoryRegion(
          region.slot(), flags, region.guestAddress(), region.size(), base + region.ramOffset());
    }
  }

  @Override
  public void start() throws IOException {
    // First: should a later memslot be refused, stop() still undoes the earlier ones.
    running = true;
    for (MemoryRegion region : memory.regions()) {
      logs.add(PageBitmap.allocate(region.size() / RamBlock.PAGE_SIZE));
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
      MemoryRegion region = memory.regions().get(i);
      PageBitmap dirty = logs.get(i);
      vm.getDirtyLog(region.slot(), dirty.memory());
      if (manualProtect) {
        protect(region.slot(), dirty);
      }
      merge(dirty, region.ramOffset() / RamBlock.PAGE_SIZE, into);
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

  /** Regions start and end on 2 MiB, so that their words are words of the whole bitmap. */
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
