package dev.ballast.tools.cli;

import dev.ballast.ffi.linux.NumaPolicy;
import dev.ballast.ffi.linux.NumberSet;
import dev.ballast.vmm.memory.GuestNode;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** The value of {@code --numa}: a node of the guest. */
final class NumaOption {
  private static final String NODE = "node";
  private static final String CPUS = "cpus";
  private static final String MEMORY = "memory";
  private static final String HOST_NODES = "host-nodes";
  private static final String POLICY = "policy";

  private NumaOption() {}

  /** Lets picocli parse it. */
  static final class Converter implements ITypeConverter<GuestNode> {
    @Override
    public GuestNode convert(String value) {
      String[] parts = value.split(",", -1);
      if (!parts[0].equals(NODE)) {
        throw new TypeConversionException(
            "'" + value + "' is no node: write node,cpus=0-3,memory=2G");
      }
      Fields fields = new Fields();
      for (int i = 1; i < parts.length; i++) {
        int equals = parts[i].indexOf('=');
        String key = equals < 0 ? parts[i] : parts[i].substring(0, equals);
        fields.set(key, equals < 0 ? "" : parts[i].substring(equals + 1));
      }
      return fields.node();
    }
  }

  /** What was given; cpus and host-nodes may be given several times. */
  private static final class Fields {
    private NumberSet cpus = NumberSet.NONE;
    private NumberSet hostNodes = NumberSet.NONE;
    private NumaPolicy.@Nullable Mode mode;
    private long bytes;

    void set(String key, String value) {
      switch (key) {
        case CPUS -> cpus = cpus.plus(numbers(key, value));
        case MEMORY -> bytes = new MemorySize.Converter().convert(value).bytes();
        case HOST_NODES -> hostNodes = hostNodes.plus(numbers(key, value));
        case POLICY -> mode = mode(value);
        default ->
            throw new TypeConversionException(
                "'%s' is none of %s, %s, %s, %s".formatted(key, CPUS, MEMORY, HOST_NODES, POLICY));
      }
    }

    private static NumberSet numbers(String key, String value) {
      try {
        NumberSet set = NumberSet.parse(value);
        if (!set.isEmpty()) {
          return set;
        }
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(key + ": " + e.getMessage());
      }
      throw new TypeConversionException("'" + key + "' is to be " + key + "=0-3, for instance");
    }

    private static NumaPolicy.Mode mode(String value) {
      for (NumaPolicy.Mode mode : NumaPolicy.Mode.values()) {
        if (mode.name().toLowerCase(Locale.ROOT).equals(value)) {
          return mode;
        }
      }
      throw new TypeConversionException(
          "policy '" + value + "' is none of bind, preferred, interleave");
    }

    GuestNode node() {
      if (bytes == 0) {
        throw new TypeConversionException("memory is missing, for instance memory=2G");
      }
      if (hostNodes.isEmpty() && mode != null) {
        throw new TypeConversionException("policy goes with host-nodes, for instance host-nodes=0");
      }
      return new GuestNode(cpus, bytes, policy());
    }

    private Optional<NumaPolicy> policy() {
      if (hostNodes.isEmpty()) {
        return Optional.empty();
      }
      try {
        return Optional.of(new NumaPolicy(mode == null ? NumaPolicy.Mode.BIND : mode, hostNodes));
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(String.valueOf(e.getMessage()));
      }
    }
  }
}
