package dev.ballast.tools.vm;

import dev.ballast.ffi.kvm.KvmRegs;
import dev.ballast.ffi.kvm.KvmSregs;
import dev.ballast.vmm.machine.RunState;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
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

  /**
   * A vCPU at one moment.
   *
   * @param vcpu which
   * @param halted whether it waited for an interrupt, by HLT
   * @param regs its general registers
   * @param sregs its segment and control registers
   */
  record VcpuSnapshot(Vcpu vcpu, boolean halted, KvmRegs regs, KvmSregs sregs) {}

  /** The UUID of a machine to which its user gave none. */
  UUID NO_UUID = new UUID(0, 0);

  /** Returns the name that the user gave; may be empty. */
  String name();

  /** Returns the UUID that the user gave, or {@link #NO_UUID}. */
  UUID uuid();

  /** Returns the size of guest RAM in bytes, balloon or not. */
  long memoryBytes();

  /** Returns the vCPUs, ascending. */
  List<Vcpu> vcpus();

  /**
   * Stops all vCPUs for a moment and returns their registers, ascending.
   *
   * @throws VmException if KVM does not hand out the registers
   */
  List<VcpuSnapshot> vcpuSnapshots() throws VmException;

  /**
   * Raises the line for NMIs of every vCPU.
   *
   * @throws VmException if the guest is not here, or has set up none of them for NMIs
   */
  void injectNmi() throws VmException;

  /**
   * Returns what is at the host's end of the serial line, as {@code query-chardev} says it: for
   * instance {@code pty:/dev/pts/3}.
   */
  String serialFilename();

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
   * Registers a listener; it is called on the thread that causes the event and must not block.
   *
   * @param listener gets every event from now on
   */
  void addListener(Consumer<VmEvent> listener);
}
