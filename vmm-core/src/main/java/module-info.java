/** The machine: memory, vCPUs, buses, interrupts, boot, state. */
module dev.ballast.vmm {
  exports dev.ballast.vmm.acpi;
  exports dev.ballast.vmm.boot;
  exports dev.ballast.vmm.bus;
  exports dev.ballast.vmm.cpuid;
  exports dev.ballast.vmm.device;
  exports dev.ballast.vmm.irq;
  exports dev.ballast.vmm.log;
  exports dev.ballast.vmm.machine;
  exports dev.ballast.vmm.memory;
  exports dev.ballast.vmm.socket;
  exports dev.ballast.vmm.state;
  exports dev.ballast.vmm.thread;
  exports dev.ballast.vmm.vcpu;

  requires transitive dev.ballast.ffi;
  requires com.github.luben.zstd_jni;
  requires org.lz4.java;
  requires org.slf4j;
  requires org.tukaani.xz;
  requires static transitive org.jspecify;
}
