/**
 * Guest memory: its host memory, its addresses, its pages, and which of them were written.
 *
 * <pre>
 *   RamConfig ──open──► RamBacking ◄── GuestMemory ── addresses: find(GPA) = offset in RAM
 *                       AnonymousRam    │   every write of the VMM ──► vmmDirty
 *                       MemfdRam        │
 *                                       ▼
 *   KvmDirtyLog ── what vCPUs wrote ─► GuestRamBlock ──┐
 *                                                      ├── RamBlock: what migrates page by page
 *   BalloonBitmap (virtio) ────────── HostRamBlock ────┘
 *
 *   PageBitmap    a bit for each page of 4 KiB, off-heap, indexed in longs; may be shared
 *   PageFilter    pages that need not migrate
 *   PagemapPool   which pages have host memory (/proc/self/pagemap, PAGEMAP_SCAN)
 * </pre>
 *
 * RAM is one range of host memory. The guest sees it in one region, or in two with the hole for
 * memory-mapped I/O between them ({@link dev.ballast.vmm.bus.AddressMap}); everything that counts
 * pages counts them in the range. A page that was discarded, or never touched, has no host memory
 * and is zero.
 */
@NullMarked
package dev.ballast.vmm.memory;

import org.jspecify.annotations.NullMarked;
