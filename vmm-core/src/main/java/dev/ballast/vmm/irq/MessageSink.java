package dev.ballast.vmm.irq;

import java.io.IOException;
import java.util.List;

/** Takes the interrupts of an I/O APIC that KVM does not emulate to the local APICs. */
public interface MessageSink {
  /**
   * An interrupt message.
   *
   * @param pin of the I/O APIC, which is its GSI
   * @param address that it is written to; the destination's bits from 8 on are in bits 40 and up,
   *     as KVM has them ({@code KVM_X2APIC_API_USE_32BIT_IDS})
   * @param data that is written
   */
  record PinMessage(int pin, long address, int data) {}

  /**
   * Sends a message.
   *
   * @throws java.io.UncheckedIOException if KVM refuses, which no guest can cause
   */
  void send(PinMessage message);

  /**
   * Sets the messages whose end of interrupt the I/O APIC must hear of: KVM makes an exit of it
   * (KVM_EXIT_IOAPIC_EOI).
   *
   * @param messages all of them; others are no longer reported
   * @throws IOException if KVM refuses
   */
  void report(List<PinMessage> messages) throws IOException;
}
