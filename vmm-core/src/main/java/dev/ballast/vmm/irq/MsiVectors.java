package dev.ballast.vmm.irq;

import dev.ballast.ffi.kvm.GsiRoute;
import dev.ballast.ffi.kvm.KvmVm;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.EventFd;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The message-signalled interrupts of one device: for each a message (PCI 3.0 §6.8), and an irqfd
 * that sends it. A driver sets many messages at a time, so that they take effect together. Any
 * thread.
 */
public final class MsiVectors {
  private final KvmVm vm;
  private final GsiRouter router;
  private final int firstGsi;
  private final GsiRoute.@Nullable Msi[] messages;
  private final @Nullable EventFd[] irqfds;

  /** Those of {@link #irqfds} that send a message; replaced as a whole. */
  private volatile @Nullable EventFd[] active;

  MsiVectors(KvmVm vm, GsiRouter router, int firstGsi, int count) {
    this.vm = vm;
    this.router = router;
    this.firstGsi = firstGsi;
    this.messages = new GsiRoute.Msi[count];
    this.irqfds = new EventFd[count];
    this.active = new EventFd[count];
  }

  /** Returns how many there are. */
  public int count() {
    return messages.length;
  }

  /**
   * Sets the message of a vector; it takes effect with {@link #update}.
   *
   * @param vector from 0
   * @param address the guest physical address that it is written to, normally in the local APICs'
   *     range
   * @param data the 32 bits that are written
   */
  public synchronized void set(int vector, long address, int data) {
    messages[vector] = new GsiRoute.Msi(firstGsi + vector, address, data);
  }

  /** Removes the message of a vector; that takes effect with {@link #update}. */
  public synchronized void clear(int vector) {
    messages[vector] = null;
  }

  /**
   * Puts all messages that were set or cleared into effect.
   *
   * @throws IOException if KVM refuses, or the host has no more descriptors
   */
  public synchronized void update() throws IOException {
    List<GsiRoute.Msi> routes = new ArrayList<>();
    for (GsiRoute.Msi message : messages) {
      if (message != null) {
        routes.add(message);
      }
    }
    router.replace(firstGsi, messages.length, routes);
    @Nullable EventFd[] next = new EventFd[messages.length];
    // An irqfd before its route would send the message that the GSI had before, or none.
    for (int i = 0; i < messages.length; i++) {
      if (messages[i] != null && irqfds[i] == null) {
        irqfds[i] = KvmInterruptLine.connect(vm, firstGsi + i);
      }
      next[i] = messages[i] == null ? null : irqfds[i];
    }
    active = next;
  }

  /**
   * Sends the message of a vector; nothing happens if it has none. Takes no lock.
   *
   * @throws UncheckedIOException if the host cannot signal it, which no guest can cause
   */
  public void signal(int vector) {
    EventFd irqfd = active[vector];
    if (irqfd != null) {
      try {
        irqfd.signal();
      } catch (ErrnoException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  synchronized void close() {
    for (EventFd irqfd : irqfds) {
      if (irqfd != null) {
        irqfd.close();
      }
    }
  }
}
