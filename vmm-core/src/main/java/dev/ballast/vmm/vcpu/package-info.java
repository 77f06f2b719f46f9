/**
 * vCPUs: a thread each, their exits, their state.
 *
 * <p>The path of an exit, which allocates nothing and takes no lock of its own: {@link
 * dev.ballast.vmm.vcpu.VcpuThread} enters the guest with {@link dev.ballast.ffi.kvm.KvmVcpu#run},
 * reads the reason out of {@link dev.ballast.ffi.kvm.KvmRun}, and calls the {@link
 * dev.ballast.vmm.bus.Bus} of ports or of memory-mapped I/O, which finds the device. Only a request
 * to pause or end, or a throttle pause, leads it to {@code VcpuRunControl}, where it waits.
 */
@NullMarked
package dev.ballast.vmm.vcpu;

import org.jspecify.annotations.NullMarked;
