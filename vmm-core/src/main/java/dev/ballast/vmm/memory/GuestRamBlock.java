package dev.ballast.vmm.memory;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * The {@value RamBlock#RAM} block. Its dirty log joins the writes of vCPUs, from KVM's log, and
 * those of the VMM.
 */
public final class GuestRamBlock implements RamBlock {
  private final GuestMemory memory;
  private final DirtyLog vcpuLog;

  /**
   * @param memory guest RAM
   * @param vcpuLog the log of writes by vCPUs
   */
  public GuestRamBlock(GuestMemory memory, DirtyLog vcpuLog) {
    this.memory = memory;
    this.vcpuLog = vcpuLog;
  }

  @Override
  public String name() {
    return RAM;
  }

  @Override
  public long size() {
    return memory.size();
  }

  @Override
  public MemorySegment memory() {
    return memory.ram();
  }

  @Override
  public long hostPageSize() {
    return memory.backing().hostPageSize();
  }

  @Override
  public void startDirtyLog() throws IOException {
    vcpuLog.start();
  }

  @Override
  public void stopDirtyLog() throws IOException {
    vcpuLog.stop();
  }

  @Override
  public void fetchDirtyLog(PageBitmap into) throws IOException {
    vcpuLog.fetch(into);
    memory.vmmDirty().drainTo(into);
  }

  @Override
  public void protectDirty(PageBitmap pages, long fromWord, long toWord) throws IOException {
    vcpuLog.protect(pages, fromWord, toWord);
  }

  @Override
  public long protectBytes() {
    return vcpuLog.protectBytes();
  }

  @Override
  public boolean readingPopulates() {
    return memory.backing().readingPopulates();
  }

  @Override
  public void discard(long firstPage, long pages) throws IOException {
    memory.discard(firstPage, pages);
  }

  @Override
  public void populate(long firstPage, long pages) throws IOException {
    memory.backing().populate(firstPage * PAGE_SIZE, pages * PAGE_SIZE);
  }

  @Override
  public void addPopulated(long firstPage, long pages, PageBitmap into) throws IOException {
    memory.backing().addPopulated(firstPage, pages, into);
  }

  @Override
  public boolean addPoisoned(long firstPage, long pages, PageBitmap into) throws IOException {
    return memory.backing().addPoisoned(firstPage, pages, into);
  }

  @Override
  public long addressOf(long page) {
    return memory.guestAddress(page * PAGE_SIZE);
  }
}
