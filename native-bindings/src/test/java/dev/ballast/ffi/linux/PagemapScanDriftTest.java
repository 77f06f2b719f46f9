package dev.ballast.ffi.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.ffi.layout.SystemHeaders;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** PAGEMAP_SCAN is written by hand: where the headers know it, they must say the same. */
class PagemapScanDriftTest {
  @Test
  void isTheSystems() throws Exception {
    Optional<Path> cc = SystemHeaders.compiler();
    assumeTrue(cc.isPresent(), "no C compiler called cc on PATH");
    assumeTrue(
        !SystemHeaders.check(cc.get(), List.of("#ifdef PAGEMAP_SCAN", "#error known", "#endif"))
            .isEmpty(),
        "the system's headers are older than PAGEMAP_SCAN (Linux 6.7)");
    List<String> assertions = new ArrayList<>();
    assertions.add(equal("PAGEMAP_SCAN", PagemapScan.PAGEMAP_SCAN));
    assertions.add(equal("PAGE_IS_PRESENT", PagemapScan.PAGE_IS_PRESENT));
    assertions.add(equal("PAGE_IS_SWAPPED", PagemapScan.PAGE_IS_SWAPPED));
    assertions.add(equal("PAGE_IS_PFNZERO", PagemapScan.PAGE_IS_PFNZERO));
    struct("pm_scan_arg", PagemapScan.PM_SCAN_ARG, assertions);
    struct("page_region", PagemapScan.PAGE_REGION, assertions);
    assertThat(SystemHeaders.check(cc.get(), assertions)).isEmpty();
  }

  private static void struct(String name, StructLayout layout, List<String> assertions) {
    assertions.add(equal("sizeof(struct " + name + ")", layout.byteSize()));
    long offset = 0;
    for (MemoryLayout member : layout.memberLayouts()) {
      assertions.add(
          equal("offsetof(struct " + name + ", " + member.name().orElseThrow() + ")", offset));
      offset += member.byteSize();
    }
  }

  private static String equal(String expression, long value) {
    return "_Static_assert((" + expression + ") == " + value + "L, \"" + expression + "\");";
  }
}
