package dev.ballast.tools.cli;

import dev.ballast.ffi.linux.NumberSet;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * The value of {@code --vcpu-affinity}.
 *
 * @param hostCpus the host's processors on which a vCPU may run, by the vCPU's number
 */
record VcpuAffinityOption(Map<Integer, NumberSet> hostCpus) {
  /** Lets picocli parse it. */
  static final class Converter implements ITypeConverter<VcpuAffinityOption> {
    @Override
    public VcpuAffinityOption convert(String value) {
      Map<Integer, NumberSet> hostCpus = new TreeMap<>();
      for (String part : value.split(",", -1)) {
        int equals = part.indexOf('=');
        if (equals <= 0 || equals == part.length() - 1) {
          throw new TypeConversionException(
              "'" + part + "' says no vCPUs and host CPUs: write 0-3=8-11, for instance");
        }
        NumberSet host = numbers(part.substring(equals + 1));
        numbers(part.substring(0, equals))
            .numbers()
            .forEach(vcpu -> hostCpus.merge(vcpu, host, NumberSet::plus));
      }
      return new VcpuAffinityOption(hostCpus);
    }

    private static NumberSet numbers(String text) {
      try {
        return NumberSet.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(String.valueOf(e.getMessage()));
      }
    }
  }
}
