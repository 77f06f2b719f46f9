/**
 * What processor a guest sees: CPUID, and the MSRs that describe features.
 *
 * <p>{@link dev.ballast.vmm.cpuid.HostCpu} asks KVM what it can offer; {@link
 * dev.ballast.vmm.cpuid.CpuModel} takes away from that what a guest is not to have. The result is a
 * {@link dev.ballast.vmm.cpuid.CpuProfile}, which travels when the guest migrates; {@link
 * dev.ballast.vmm.cpuid.CpuComparison} says why a host cannot take it. {@link
 * dev.ballast.vmm.cpuid.GuestCpuid} adds a vCPU's place in the machine.
 */
@NullMarked
package dev.ballast.vmm.cpuid;

import org.jspecify.annotations.NullMarked;
