package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.KvmExit;
import dev.ballast.ffi.linux.Errno;
import java.util.Locale;
import java.util.Optional;

/** Why a vCPU cannot go on. Ordinary exits never become objects; these do, once. */
public sealed interface VcpuExit {
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
   */
  record KvmInternalError(int vcpu, int suberror, RegisterDump registers) implements VcpuExit {
    @Override
    public String summary() {
      return "vCPU "
          + vcpu
          + ": KVM internal error "
          + suberror
          + (suberror == KvmExit.INTERNAL_ERROR_EMULATION
              ? " (instruction could not be emulated)"
              : "");
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
   */
  record FailEntry(int vcpu, long reason, RegisterDump registers) implements VcpuExit {
    @Override
    public String summary() {
      return String.format(
          Locale.ROOT, "vCPU %d: entry failed, hardware reason 0x%x", vcpu, reason);
    }

    @Override
    public Optional<String> hint() {
      return Optional.of("the guest's state is not valid for this processor");
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
      return errno == Errno.EFAULT
          ? Optional.of(
              "the host had no memory for a page that the guest touched: if guest memory is made of"
                  + " huge pages, others have taken from the pool what the guest gave back")
          : Optional.empty();
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
