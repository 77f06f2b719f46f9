package dev.ballast.vmm.cpuid;

/**
 * One register of a CPUID leaf.
 *
 * @param function the leaf (EAX)
 * @param index the sub-leaf (ECX)
 * @param register {@code eax}, {@code ebx}, {@code ecx} or {@code edx}
 * @param bits its feature bits
 */
public record CpuFeatureWord(int function, int index, String register, int bits) {
  /** Returns whether another word is the same register of the same leaf and sub-leaf. */
  public boolean isSameRegister(CpuFeatureWord other) {
    return function == other.function && index == other.index && register.equals(other.register);
  }
}
