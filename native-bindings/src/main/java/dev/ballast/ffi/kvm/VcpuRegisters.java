package dev.ballast.ffi.kvm;

import dev.ballast.ffi.linux.ErrnoException;

/**
 * The state of a vCPU, read and written part by part. Any thread, while the vCPU is not running; it
 * is fastest on the thread that runs it, where the processor has the vCPU's state already. Every
 * method that calls KVM throws {@link ErrnoException} as its section of the KVM API says.
 */
public interface VcpuRegisters {
  /** Returns its number in the machine, from 0. */
  int id();

  /** Returns how many bytes {@link #get} returns and {@link #set} takes for a kind of state. */
  int size(VcpuStateKind kind);

  /** Reads a part of the state. */
  byte[] get(VcpuStateKind kind) throws ErrnoException;

  /**
   * Sets a part of the state.
   *
   * @throws IllegalArgumentException if it is not {@link #size} bytes long
   * @throws ErrnoException EINVAL if the kernel refuses it
   */
  void set(VcpuStateKind kind, byte[] state) throws ErrnoException;

  /**
   * Reads MSRs (KVM API §4.18). Those that the kernel refuses are left out; it may refuse even some
   * that it lists itself.
   */
  MsrTable getMsrs(int[] indices) throws ErrnoException;

  /**
   * Sets MSRs in the order of the table (KVM API §4.19).
   *
   * @return the indices of those that the kernel refused, empty when all were set
   */
  int[] setMsrs(MsrTable table) throws ErrnoException;
}
