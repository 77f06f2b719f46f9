package dev.ballast.migration.source;

import dev.ballast.migration.protocol.Protocol;
import dev.ballast.vmm.machine.MigratableMachine;
import dev.ballast.vmm.memory.PageFilter;
import dev.ballast.vmm.memory.RamBlock;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Whether ballooned pages are left out of a migration.
 *
 * @param filter the pages; null if they are not left out
 * @param reason why not; empty if they are
 */
record SkipBalloon(@Nullable PageFilter filter, String reason) {
  /**
   * Decides.
   *
   * @param capability whether the user has enabled the capability
   * @param version the protocol version that was agreed on
   */
  static SkipBalloon decide(MigratableMachine machine, boolean capability, int version) {
    if (!capability) {
      return off("capability skip-balloon is off");
    }
    Optional<PageFilter> filter = machine.pageFilter();
    if (filter.isEmpty()) {
      return off("no balloon device");
    }
    if (machine.ramBlocks().stream().noneMatch(b -> b.name().equals(RamBlock.BALLOON_BITMAP))) {
      return off("the machine has no RAM block " + RamBlock.BALLOON_BITMAP);
    }
    Optional<String> inactive = filter.get().inactiveReason();
    if (inactive.isPresent()) {
      return off(inactive.get());
    }
    if (version < Protocol.VERSION_2) {
      return off("protocol version " + version + " has no balloon bitmap");
    }
    return new SkipBalloon(filter.get(), "");
  }

  private static SkipBalloon off(String reason) {
    return new SkipBalloon(null, reason);
  }
}
