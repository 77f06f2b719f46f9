package dev.ballast.ffi.layout;

import com.sun.jna.Structure;
import java.util.List;

/**
 * The structs as the KVM API, boot.rst and virtio v1.3 §2.7 write them, under the names that C
 * gives them.
 */
@SuppressWarnings({"MemberName", "TypeName"})
final class JnaStructs {
  private JnaStructs() {}

  /** Opens up what JNA keeps to subclasses. */
  abstract static class Base extends Structure {
    Base() {
      super(ALIGN_GNUC);
    }

    Base(int alignment) {
      super(alignment);
    }

    int offsetOf(String field) {
      return fieldOffset(field);
    }

    List<String> fieldNames() {
      return getFieldOrder();
    }
  }

  @Structure.FieldOrder({"slot", "flags", "guest_phys_addr", "memory_size", "userspace_addr"})
  public static final class kvm_userspace_memory_region extends Base {
    public int slot;
    public int flags;
    public long guest_phys_addr;
    public long memory_size;
    public long userspace_addr;
  }

  @Structure.FieldOrder({"flags", "pad"})
  public static final class kvm_pit_config extends Base {
    public int flags;
    public int[] pad = new int[15];
  }

  @Structure.FieldOrder({"irq", "level"})
  public static final class kvm_irq_level extends Base {
    public int irq;
    public int level;
  }

  @Structure.FieldOrder({"address_lo", "address_hi", "data", "flags", "devid", "pad"})
  public static final class kvm_msi extends Base {
    public int address_lo;
    public int address_hi;
    public int data;
    public int flags;
    public int devid;
    public byte[] pad = new byte[12];
  }

  @Structure.FieldOrder({"fd", "gsi", "flags", "resamplefd", "pad"})
  public static final class kvm_irqfd extends Base {
    public int fd;
    public int gsi;
    public int flags;
    public int resamplefd;
    public byte[] pad = new byte[16];
  }

  @Structure.FieldOrder({"datamatch", "addr", "len", "fd", "flags", "pad"})
  public static final class kvm_ioeventfd extends Base {
    public long datamatch;
    public long addr;
    public int len;
    public int fd;
    public int flags;
    public byte[] pad = new byte[36];
  }

  @Structure.FieldOrder({"slot", "padding1", "dirty_bitmap"})
  public static final class kvm_dirty_log extends Base {
    public int slot;
    public int padding1;
    public long dirty_bitmap;
  }

  @Structure.FieldOrder({"slot", "num_pages", "first_page", "dirty_bitmap"})
  public static final class kvm_clear_dirty_log extends Base {
    public int slot;
    public int num_pages;
    public long first_page;
    public long dirty_bitmap;
  }

  @Structure.FieldOrder({"cap", "flags", "args", "pad"})
  public static final class kvm_enable_cap extends Base {
    public int cap;
    public int flags;
    public long[] args = new long[4];
    public byte[] pad = new byte[64];
  }

  @Structure.FieldOrder({"clock", "flags", "pad0", "realtime", "host_tsc", "pad"})
  public static final class kvm_clock_data extends Base {
    public long clock;
    public int flags;
    public int pad0;
    public long realtime;
    public long host_tsc;
    public int[] pad = new int[4];
  }

  @Structure.FieldOrder({
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15", "rip", "rflags"
  })
  public static final class kvm_regs extends Base {
    public long rax;
    public long rbx;
    public long rcx;
    public long rdx;
    public long rsi;
    public long rdi;
    public long rsp;
    public long rbp;
    public long r8;
    public long r9;
    public long r10;
    public long r11;
    public long r12;
    public long r13;
    public long r14;
    public long r15;
    public long rip;
    public long rflags;
  }

  @Structure.FieldOrder({
    "base",
    "limit",
    "selector",
    "type",
    "present",
    "dpl",
    "db",
    "s",
    "l",
    "g",
    "avl",
    "unusable",
    "padding"
  })
  public static final class kvm_segment extends Base {
    public long base;
    public int limit;
    public short selector;
    public byte type;
    public byte present;
    public byte dpl;
    public byte db;
    public byte s;
    public byte l;
    public byte g;
    public byte avl;
    public byte unusable;
    public byte padding;
  }

  @Structure.FieldOrder({"base", "limit", "padding"})
  public static final class kvm_dtable extends Base {
    public long base;
    public short limit;
    public short[] padding = new short[3];
  }

  @Structure.FieldOrder({
    "cs",
    "ds",
    "es",
    "fs",
    "gs",
    "ss",
    "tr",
    "ldt",
    "gdt",
    "idt",
    "cr0",
    "cr2",
    "cr3",
    "cr4",
    "cr8",
    "efer",
    "apic_base",
    "interrupt_bitmap"
  })
  public static final class kvm_sregs extends Base {
    public kvm_segment cs = new kvm_segment();
    public kvm_segment ds = new kvm_segment();
    public kvm_segment es = new kvm_segment();
    public kvm_segment fs = new kvm_segment();
    public kvm_segment gs = new kvm_segment();
    public kvm_segment ss = new kvm_segment();
    public kvm_segment tr = new kvm_segment();
    public kvm_segment ldt = new kvm_segment();
    public kvm_dtable gdt = new kvm_dtable();
    public kvm_dtable idt = new kvm_dtable();
    public long cr0;
    public long cr2;
    public long cr3;
    public long cr4;
    public long cr8;
    public long efer;
    public long apic_base;
    public long[] interrupt_bitmap = new long[4];
  }

  @Structure.FieldOrder({"index", "reserved", "data"})
  public static final class kvm_msr_entry extends Base {
    public int index;
    public int reserved;
    public long data;
  }

  @Structure.FieldOrder({"function", "index", "flags", "eax", "ebx", "ecx", "edx", "padding"})
  public static final class kvm_cpuid_entry2 extends Base {
    public int function;
    public int index;
    public int flags;
    public int eax;
    public int ebx;
    public int ecx;
    public int edx;
    public int[] padding = new int[3];
  }

  @Structure.FieldOrder({"addr", "size", "type"})
  public static final class boot_e820_entry extends Base {
    public boot_e820_entry() {
      super(ALIGN_NONE);
    }

    public long addr;
    public long size;
    public int type;
  }

  @Structure.FieldOrder({"addr", "len", "flags", "next"})
  public static final class vring_desc extends Base {
    public long addr;
    public int len;
    public short flags;
    public short next;
  }

  @Structure.FieldOrder({"id", "len"})
  public static final class vring_used_elem extends Base {
    public int id;
    public int len;
  }
}
