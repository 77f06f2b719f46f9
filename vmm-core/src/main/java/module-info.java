/** The machine: memory, vCPUs, buses, interrupts, boot, state. */
module dev.ballast.vmm {
  requires transitive dev.ballast.ffi;
  requires org.slf4j;
  requires static transitive org.jspecify;
}
