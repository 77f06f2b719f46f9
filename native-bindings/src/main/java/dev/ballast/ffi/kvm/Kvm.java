package dev.ballast.ffi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.ballast.ffi.generated.kvm.KvmH;
import dev.ballast.ffi.libc.IoCalls;
import dev.ballast.ffi.linux.Errno;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.FileDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** The system side of KVM, {@code /dev/kvm}. For any thread. */
public final class Kvm implements AutoCloseable {
  /** The only version of the interface that there is (KVM API §4.1). */
  public static final int API_VERSION = KvmH.KVM_API_VERSION();

  private static final Path DEVICE = Path.of("/dev/kvm");

  private static final int FIRST_GUESS = 128;
  private static final int MOST_ENTRIES = 1 << 16;

  private final FileDescriptor file;

  private Kvm(FileDescriptor file) {
    this.file = file;
  }

  /**
   * Opens {@code /dev/kvm}.
   *
   * @throws ErrnoException ENOENT where the host offers no KVM, EACCES where this user may not use
   *     it
   */
  public static Kvm open() throws ErrnoException {
    return open(DEVICE);
  }

  /**
   * Opens KVM under another path.
   *
   * @throws ErrnoException as {@link #open()}; ENOTTY when the file is not KVM
   */
  public static Kvm open(Path device) throws ErrnoException {
    FileDescriptor file;
    try {
      file = FileDescriptor.open(device, FileDescriptor.O_RDWR);
    } catch (ErrnoException e) {
      throw new ErrnoException(e.syscall(), e.errno(), device + hint(e.errno()));
    }
    Kvm kvm = new Kvm(file);
    try {
      kvm.apiVersion();
    } catch (ErrnoException e) {
      file.close();
      throw new ErrnoException(e.syscall(), e.errno(), device + " is not KVM");
    }
    return kvm;
  }

  private static String hint(int errno) {
    return switch (errno) {
      case Errno.ENOENT, Errno.ENXIO, Errno.ENODEV ->
          ": this host offers no KVM (modules kvm_intel or kvm_amd, virtualization enabled?)";
      case Errno.EACCES, Errno.EPERM -> ": this user may not use KVM (group kvm?)";
      default -> "";
    };
  }

  /**
   * Returns the version of the interface. With any other than {@link #API_VERSION}, do not use it.
   */
  public int apiVersion() throws ErrnoException {
    return Ioctl.call(file, "KVM_GET_API_VERSION", KvmH.KVM_GET_API_VERSION(), 0, "");
  }

  /**
   * Returns the value of a capability on this host: 0 if KVM lacks it, else 1 or the number that
   * the KVM API documents for it (§4.4).
   */
  public int checkExtension(Capability capability) throws ErrnoException {
    return Ioctl.call(
        file,
        "KVM_CHECK_EXTENSION",
        KvmH.KVM_CHECK_EXTENSION(),
        capability.number(),
        capability.name());
  }

  /** Returns the size in bytes of the area that a vCPU shares with the kernel. */
  public int vcpuMmapSize() throws ErrnoException {
    return Ioctl.call(file, "KVM_GET_VCPU_MMAP_SIZE", KvmH.KVM_GET_VCPU_MMAP_SIZE(), 0, "");
  }

  /** Returns the CPUID leaves that KVM can offer to a guest on this host (KVM API §4.46). */
  public CpuidTable supportedCpuid() throws ErrnoException {
    for (int entries = FIRST_GUESS; ; entries *= 2) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment cpuid = CpuidStruct.allocate(arena, entries);
        int result = IoCalls.ioctl(file.value(), KvmH.KVM_GET_SUPPORTED_CPUID(), cpuid);
        if (result == 0) {
          return CpuidStruct.read(cpuid);
        }
        if (result != -Errno.E2BIG || entries >= MOST_ENTRIES) {
          throw new ErrnoException(
              "ioctl(KVM_GET_SUPPORTED_CPUID)", -result, "room for " + entries + " entries");
        }
      }
    }
  }

  /**
   * Returns the indices of the MSRs that are part of a guest's state on this host (KVM API §4.3).
   */
  public int[] msrIndexList() throws ErrnoException {
    return msrList("KVM_GET_MSR_INDEX_LIST", KvmH.KVM_GET_MSR_INDEX_LIST());
  }

  /**
   * Returns the indices of the feature MSRs, which describe what the host's KVM supports (KVM API
   * §4.3).
   */
  public int[] msrFeatureIndexList() throws ErrnoException {
    return msrList("KVM_GET_MSR_FEATURE_INDEX_LIST", KvmH.KVM_GET_MSR_FEATURE_INDEX_LIST());
  }

  private int[] msrList(String name, long request) throws ErrnoException {
    for (int count = FIRST_GUESS; ; count *= 2) {
      try (Arena arena = Arena.ofConfined()) {
        long indices = KvmH.OFFSET_kvm_msr_list_indices();
        MemorySegment list = arena.allocate(indices + (long) count * Integer.BYTES, Long.BYTES);
        list.set(JAVA_INT, KvmH.OFFSET_kvm_msr_list_nmsrs(), count);
        int result = IoCalls.ioctl(file.value(), request, list);
        if (result == 0) {
          int found = list.get(JAVA_INT, KvmH.OFFSET_kvm_msr_list_nmsrs());
          return list.asSlice(indices, (long) found * Integer.BYTES).toArray(JAVA_INT);
        }
        if (result != -Errno.E2BIG || count >= MOST_ENTRIES) {
          throw new ErrnoException("ioctl(" + name + ")", -result, "room for " + count + " MSRs");
        }
      }
    }
  }

  /**
   * Returns the feature MSRs with the values that the host's KVM supports at most (KVM API §4.18).
   */
  public MsrTable featureMsrs() throws ErrnoException {
    return MsrCalls.get(file, msrFeatureIndexList(), "/dev/kvm");
  }

  /**
   * Creates a virtual machine without memory, processors or devices.
   *
   * @throws ErrnoException as KVM API §4.2: ENOMEM, EMFILE, EBUSY while another hypervisor uses the
   *     processor's virtualization
   */
  public KvmVm createVm() throws ErrnoException {
    int mmapSize = vcpuMmapSize();
    int fd = Ioctl.call(file, "KVM_CREATE_VM", KvmH.KVM_CREATE_VM(), 0, "");
    return new KvmVm(FileDescriptor.owning(fd), mmapSize);
  }

  /** Closes the descriptor; virtual machines that were created with it remain usable. */
  @Override
  public void close() {
    file.close();
  }
}
