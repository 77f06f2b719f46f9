package dev.ballast.tools.vm;

import dev.ballast.vmm.machine.RunState;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** A virtual machine as its user steers it. Any thread but a vCPU's. */
public interface VirtualMachine {
  /**
   * One vCPU.
   *
   * @param index from 0
   * @param threadId the host's id of its thread
   */
  record Vcpu(int index, long threadId) {}

  /** Returns the name that the user gave; may be empty. */
  String name();

  /** Returns the size of guest RAM in bytes, balloon or not. */
  long memoryBytes();

  /** Returns the vCPUs, ascending. */
  List<Vcpu> vcpus();

  /** Returns the run state. */
  RunState runState();

  /**
   * Stops the guest; has no effect when it does not run.
   *
   * @throws VmException if a vCPU cannot be stopped
   */
  void stop() throws VmException;

  /**
   * Lets the guest run; has no effect when it runs.
   *
   * @throws VmException if the guest is not here, or cannot go on
   */
  void cont() throws VmException;

  /**
   * Resets the guest, which boots again.
   *
   * @throws VmException if the guest is not here, or cannot be loaded again
   */
  void reset() throws VmException;

  /**
   * Presses the power button; the guest decides what follows.
   *
   * @throws VmException if the guest is not here, or leaving
   */
  void powerdown() throws VmException;

  /** Ends the process that holds the machine. Returns at once. */
  void quit();

  /** Returns the balloon device; empty when the machine has none. */
  Optional<BalloonControl> balloon();

  /** Returns what moves the guest. */
  MigrationControl migration();

  /**
   * Classes every page of guest memory. Reads all populated memory.
   *
   * @param cells how many parts of equal size to count in, from 1 to the number of pages
   * @throws VmException if the kernel's page map cannot be read
   */
  MemoryMap memoryMap(int cells) throws VmException;

  /**
   * Adds someone to be told of events, on the thread that causes them; must not block.
   *
   * @param listener gets every event from now on
   */
  void addListener(Consumer<VmEvent> listener);
}
