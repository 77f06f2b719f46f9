/*
 * What jextract reads for dev.ballast.ffi.generated.kvm. Structs whose members Java reads or writes are
 * emitted as structs. struct kvm_run drags in the exits of s390, Xen and Hyper-V, twelve thousand lines of
 * Java, so the offsets that are used are computed here by the compiler, and so are the sizes of state that
 * Java only carries. Flexible arrays are outside jextract's layouts: the offset of their first element is here.
 */
#include <stddef.h>
#include <linux/kvm.h>

#define MEMBER(type, name, member) OFFSET_##type##_##name = offsetof(struct type, member)
#define SIZE(type) SIZEOF_##type = sizeof(struct type)

enum kvm_layout {
  MEMBER(kvm_run, immediate_exit, immediate_exit),
  MEMBER(kvm_run, exit_reason, exit_reason),
  MEMBER(kvm_run, hw_hardware_exit_reason, hw.hardware_exit_reason),
  MEMBER(kvm_run, fail_entry_hardware_entry_failure_reason, fail_entry.hardware_entry_failure_reason),
  MEMBER(kvm_run, fail_entry_cpu, fail_entry.cpu),
  MEMBER(kvm_run, io_direction, io.direction),
  MEMBER(kvm_run, io_size, io.size),
  MEMBER(kvm_run, io_port, io.port),
  MEMBER(kvm_run, io_count, io.count),
  MEMBER(kvm_run, io_data_offset, io.data_offset),
  MEMBER(kvm_run, mmio_phys_addr, mmio.phys_addr),
  MEMBER(kvm_run, mmio_data, mmio.data),
  MEMBER(kvm_run, mmio_len, mmio.len),
  MEMBER(kvm_run, mmio_is_write, mmio.is_write),
  MEMBER(kvm_run, internal_suberror, internal.suberror),
  MEMBER(kvm_run, internal_ndata, internal.ndata),
  MEMBER(kvm_run, internal_data, internal.data),
  MEMBER(kvm_run, emulation_failure_flags, emulation_failure.flags),
  MEMBER(kvm_run, emulation_failure_insn_size, emulation_failure.insn_size),
  MEMBER(kvm_run, emulation_failure_insn_bytes, emulation_failure.insn_bytes),
  MEMBER(kvm_run, system_event_type, system_event.type),
  MEMBER(kvm_run, system_event_ndata, system_event.ndata),
  MEMBER(kvm_run, system_event_data, system_event.data),
  MEMBER(kvm_run, eoi_vector, eoi.vector),

  MEMBER(kvm_cpuid2, nent, nent),
  MEMBER(kvm_cpuid2, entries, entries),
  MEMBER(kvm_msrs, nmsrs, nmsrs),
  MEMBER(kvm_msrs, entries, entries),
  MEMBER(kvm_msr_list, nmsrs, nmsrs),
  MEMBER(kvm_msr_list, indices, indices),
  MEMBER(kvm_irqchip, chip_id, chip_id),
  MEMBER(kvm_irqchip, chip, chip),
  MEMBER(kvm_irq_routing, nr, nr),
  MEMBER(kvm_irq_routing, entries, entries),
  MEMBER(kvm_irq_routing_entry, gsi, gsi),
  MEMBER(kvm_irq_routing_entry, type, type),
  MEMBER(kvm_irq_routing_entry, irqchip_irqchip, u.irqchip.irqchip),
  MEMBER(kvm_irq_routing_entry, irqchip_pin, u.irqchip.pin),
  MEMBER(kvm_irq_routing_entry, msi_address_lo, u.msi.address_lo),
  MEMBER(kvm_irq_routing_entry, msi_address_hi, u.msi.address_hi),
  MEMBER(kvm_irq_routing_entry, msi_data, u.msi.data),
  SIZE(kvm_irq_routing_entry),

  SIZE(kvm_irqchip),
  SIZE(kvm_pic_state),
  SIZE(kvm_ioapic_state),
  SIZE(kvm_pit_state2),
  SIZE(kvm_fpu),
  SIZE(kvm_xsave),
  SIZE(kvm_xcrs),
  SIZE(kvm_lapic_state),
  SIZE(kvm_mp_state),
  SIZE(kvm_vcpu_events),
  SIZE(kvm_debugregs),
};
