/** Virtqueues, transports and devices. */
module dev.ballast.virtio {
  exports dev.ballast.virtio.balloon;
  exports dev.ballast.virtio.queue;
  exports dev.ballast.virtio.transport;
  exports dev.ballast.virtio.transport.mmio;

  requires transitive dev.ballast.vmm;
  requires org.slf4j;
  requires static transitive org.jspecify;
}
