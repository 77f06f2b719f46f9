package dev.ballast.vmm.memory;

import java.util.Optional;

/**
 * Pages that a migration need not scan, send or populate. The balloon implements it; the source of
 * a migration queries it.
 */
public interface PageFilter {
  /**
   * Returns the name of the migration capability that switches the filter on and off, for instance
   * {@code skip-balloon}.
   */
  String name();

  /**
   * Returns why the filter must not be used now, for instance because the driver did not negotiate
   * a feature; empty when it may be used. Evaluated at migration setup.
   */
  Optional<String> inactiveReason();

  /**
   * Returns the live set: one bit per page of {@link RamBlock#RAM}, 1 = the page may be left out.
   * Where host pages are larger, only those are left out whose bits are all set; the others still
   * have their content. Bits may change at any time; a writer that clears a bit marks the page
   * dirty afterwards, so that nothing is lost.
   */
  PageBitmap excluded();
}
