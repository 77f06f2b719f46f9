package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.KvmExit;
import dev.ballast.ffi.linux.Errno;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** Why a vCPU cannot go on. Ordinary exits never become objects; these do, once. */
public sealed interface VcpuExit {
  /** The hint where the host has no memory for a page. */
  String NO_MEMORY =
      "the host had no memory for a page that the guest touched: if guest memory is made of huge"
          + " pages, others have taken from the pool what the guest gave back";

  /** Returns the vCPU's number. */
  int vcpu();

  /** Returns the registers and the bytes at the instruction pointer. */
  RegisterDump registers();

  /** Returns what happened, in one line. */
  String summary();

  /** Returns what the user may do about it. */
  default Optional<String> hint() {
    return Optional.empty();
  }

  /** The guest faulted while it handled a double fault (KVM_EXIT_SHUTDOWN). */
  record TripleFault(int vcpu, RegisterDump registers) implements VcpuExit {
    @Override
    public String summary() {
      return "vCPU " + vcpu + ": triple fault";
    }
  }

  /**
   * KVM gave up on the guest (KVM_EXIT_INTERNAL_ERROR, KVM API §5).
   *
   * @param suberror {@link KvmExit#INTERNAL_ERROR_EMULATION} or another one
   * @param data the words that KVM adds; what they mean depends on the suberror, and on the kernel
   */
  record KvmInternalError(int vcpu, int suberror, List<Long> data, RegisterDump registers)
      implements VcpuExit {
    /** Takes an immutable copy. */
    public KvmInternalError {
      data = List.copyOf(data);
    }

    @Override
    public String summary() {
      return "vCPU "
          + vcpu
          + ": KVM internal error "
          + suberror
          + (suberror == KvmExit.INTERNAL_ERROR_EMULATION
              ? " (instruction could not be emulated)"
              : "")
          + words();
    }

    private String words() {
      return data.isEmpty()
          ? ""
          : data.stream().map(Long::toHexString).collect(Collectors.joining(" ", ", data ", ""));
    }

    @Override
    public Optional<String> hint() {
      return suberror == KvmExit.INTERNAL_ERROR_EMULATION && registers.ring0()
          ? Optional.of(
              "this host's KVM may be the pagetable kind, which interprets guest ring 0 and does"
                  + " not know every instruction")
          : Optional.empty();
    }
  }

  /**
   * The processor refused to enter the guest (KVM_EXIT_FAIL_ENTRY).
   *
   * @param reason the hardware's reason code
   * @param hostCpu the host's CPU that refused
   */
  record FailEntry(int vcpu, long reason, int hostCpu, RegisterDump registers) implements VcpuExit {
    @Override
    public String summary() {
      return String.format(
          Locale.ROOT,
          "vCPU %d: entry failed on host CPU %d, hardware reason 0x%x",
          vcpu,
          hostCpu,
          reason);
    }

    @Override
    public Optional<String> hint() {
      return Optional.of(
          "the guest's state is not valid for this processor; if it is always the same host CPU, that"
              + " one may be faulty");
    }
  }

  /**
   * An exit that this machine never asks KVM for.
   *
   * @param reason KVM's exit reason
   */
  record Unexpected(int vcpu, int reason, RegisterDump registers) implements VcpuExit {
    @Override
    public String summary() {
      return "vCPU " + vcpu + ": unexpected exit " + KvmExit.name(reason) + " (" + reason + ")";
    }
  }

  /**
   * The host could not provide memory that the guest accessed (KVM_EXIT_MEMORY_FAULT).
   *
   * @param errno EFAULT, or EHWPOISON for memory that is broken
   * @param address guest physical
   * @param size of what KVM wanted there, in bytes
   */
  record MemoryFault(int vcpu, int errno, long address, long size, RegisterDump registers)
      implements VcpuExit {
    @Override
    public String summary() {
      return String.format(
          Locale.ROOT,
          "vCPU %d: the host has no memory for guest address 0x%x, %d bytes: %s",
          vcpu,
          address,
          size,
          Errno.message(errno));
    }

    @Override
    public Optional<String> hint() {
      return errno == Errno.EHWPOISON
          ? Optional.of("a memory module of the host is faulty: see the kernel's log")
          : Optional.of(NO_MEMORY);
    }
  }

  /**
   * KVM_RUN itself failed.
   *
   * @param errno why
   */
  record HostError(int vcpu, int errno, RegisterDump registers) implements VcpuExit {
    @Override
    public String summary() {
      return "vCPU " + vcpu + ": KVM_RUN: " + Errno.message(errno);
    }

    @Override
    public Optional<String> hint() {
      return errno == Errno.EFAULT ? Optional.of(NO_MEMORY) : Optional.empty();
    }
  }

  /**
   * This program failed while it handled an ordinary exit.
   *
   * @param failure what was thrown
   */
  record Defect(int vcpu, String failure, RegisterDump registers) implements VcpuExit {
    @Override
    public String summary() {
      return "vCPU " + vcpu + ": a defect of this program: " + failure;
    }
  }
}
