/** Virtqueues, transports and devices. */
module dev.ballast.virtio {
  requires transitive dev.ballast.vmm;
  requires org.slf4j;
  requires static transitive org.jspecify;
}
