package dev.ballast.vmm.machine;

import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.memory.PageFilter;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.state.Snapshottable;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** A machine as a migration sees it. Called on the migration thread. */
public interface MigratableMachine {
  /**
   * Makes the guest's TSC tick as fast as at the source. Called on the destination, before anything
   * is loaded.
   *
   * @param khz {@link MachineDescription#tscKhz} of the source; 0 if that is not known
   * @throws IOException if this host cannot do that; the message has both frequencies
   */
  void adoptTsc(int khz) throws IOException;

  /**
   * Offers the guest the processor that it was offered at the source. Called on the destination,
   * before anything is loaded, and again for each source that tries.
   *
   * @param source {@link MachineDescription#cpu} of the source; empty if that is not known: the
   *     guest then gets what this machine offers
   * @throws IOException if this machine cannot offer that; the message names the feature and has
   *     both values
   */
  void adoptCpu(Optional<CpuProfile> source) throws IOException;

  /** Returns what the other side must have in common with this machine. */
  MachineDescription description();

  /** Returns the blocks that migrate; {@link RamBlock#RAM} is the first. */
  List<RamBlock> ramBlocks();

  /** Returns the filter of pages that need not migrate; empty when the machine has no balloon. */
  Optional<PageFilter> pageFilter();

  /** Returns the parts whose state migrates, in the order in which they must be loaded. */
  List<? extends Snapshottable> stateSections();

  /** Returns the run state. */
  RunState runState();

  /**
   * Lets vCPUs run only a part of the time, so that they dirty memory more slowly.
   *
   * @param percent the share of the time that they stay out of the guest, 0 to 99; 0 lets them run
   *     freely
   */
  void throttle(int percent);

  /**
   * Saves the state of the vCPUs twice and forgets it, so that first-time costs do not add to the
   * downtime, and to know what it costs. A guest that runs goes on, but for the fraction of a
   * millisecond that each vCPU takes.
   *
   * @return how long it took the second time, in nanoseconds
   * @throws IOException if KVM refuses, or the machine has ended
   */
  long rehearseSaving() throws IOException;

  /**
   * Starts the clocks of a machine that waits for its guest, and forgets it, so that first-time
   * costs do not add to the downtime.
   *
   * @throws IOException if KVM refuses
   */
  void rehearseStart() throws IOException;

  /**
   * Stops vCPUs, then device queues, and enters {@link RunState#FINISH_MIGRATE}.
   *
   * @return the run state before, which {@link #endMigration} or the destination goes back to
   * @throws IOException if a vCPU cannot be stopped
   */
  RunState stopForMigration() throws IOException;

  /**
   * Leaves {@link RunState#FINISH_MIGRATE} on the source, or {@link RunState#INMIGRATE} on the
   * destination.
   *
   * @param next {@link RunState#RUNNING} runs the guest here; {@link RunState#PAUSED}, {@link
   *     RunState#PRELAUNCH}, {@link RunState#POSTMIGRATE} and the rest leave it stopped in that
   *     state; a cont or stop meanwhile decides among the first three
   * @throws IOException if vCPUs cannot be started. None has run then: the source is {@link
   *     RunState#PAUSED} afterwards, and the destination still in {@link RunState#INMIGRATE}
   */
  void endMigration(RunState next) throws IOException;

  /**
   * Leaves {@link RunState#FINISH_MIGRATE} for {@link RunState#POSTMIGRATE} although it is not
   * known whether the guest runs at the destination. A user that knows that it does not may
   * continue it here.
   *
   * @param before the run state before {@link #stopForMigration}; a guest that cannot run on from
   *     it goes back to it when it is continued here
   */
  void endUnconfirmedMigration(RunState before);
}
