package dev.ballast.tools.cli;

import dev.ballast.vmm.memory.NumberList;
import java.util.BitSet;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * The value of {@code --vcpu-affinity}.
 *
 * @param hostCpus the host's processors on which a vCPU may run, by the vCPU's number
 */
record VcpuAffinityOption(Map<Integer, BitSet> hostCpus) {
  /** Lets picocli parse it. */
  static final class Converter implements ITypeConverter<VcpuAffinityOption> {
    @Override
    public VcpuAffinityOption convert(String value) {
      Map<Integer, BitSet> hostCpus = new TreeMap<>();
      for (String part : value.split(",", -1)) {
        int equals = part.indexOf('=');
        if (equals <= 0 || equals == part.length() - 1) {
          throw new TypeConversionException(
              "'" + part + "' says no vCPUs and host CPUs: write 0-3=8-11, for instance");
        }
        BitSet host = numbers(part.substring(equals + 1));
        numbers(part.substring(0, equals)).stream()
            .forEach(vcpu -> hostCpus.computeIfAbsent(vcpu, _ -> new BitSet()).or(host));
      }
      return new VcpuAffinityOption(hostCpus);
    }

    private static BitSet numbers(String text) {
      try {
        return NumberList.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(String.valueOf(e.getMessage()));
      }
    }
  }
}
