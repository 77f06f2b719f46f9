package dev.ballast.vmm.irq;

import dev.ballast.ffi.kvm.KvmVm;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.EventFd;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/**
 * A GSI of KVM's in-kernel interrupt controllers. A line made for edges has an irqfd (KVM API
 * §4.75); {@link #pulse} on one made for levels is two calls of KVM_IRQ_LINE (§4.25).
 */
public final class KvmInterruptLine implements InterruptLine, AutoCloseable {
  private final KvmVm vm;
  private final int gsi;
  private final @Nullable EventFd irqfd;
  private boolean high;

  /**
   * @param vm the VM, with its interrupt controllers made
   * @param gsi 0 to 23
   * @param edge whether to make it for edges, that is for {@link #pulse}
   * @throws IOException if KVM refuses the irqfd, or the host has no more descriptors
   */
  public KvmInterruptLine(KvmVm vm, int gsi, boolean edge) throws IOException {
    this.vm = vm;
    this.gsi = gsi;
    this.irqfd = edge ? connect(vm, gsi) : null;
  }

  /**
   * Makes an event file that raises an edge of a line, or sends a message (KVM API §4.75).
   *
   * @throws IOException if the host has no more descriptors, or KVM refuses
   */
  static EventFd connect(KvmVm vm, int gsi) throws IOException {
    EventFd irqfd = EventFd.create(true);
    boolean connected = false;
    try {
      vm.interrupts().irqfd(irqfd, gsi, true);
      connected = true;
      return irqfd;
    } finally {
      if (!connected) {
        irqfd.close();
      }
    }
  }

  @Override
  public synchronized void setLevel(boolean level) {
    if (level == high) {
      return;
    }
    try {
      vm.interrupts().irqLine(gsi, level ? 1 : 0);
    } catch (ErrnoException e) {
      throw new UncheckedIOException(e);
    }
    high = level;
  }

  @Override
  public void pulse() {
    if (irqfd == null) {
      setLevel(true);
      setLevel(false);
      return;
    }
    try {
      irqfd.signal();
    } catch (ErrnoException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    if (irqfd != null) {
      irqfd.close();
    }
  }
}
