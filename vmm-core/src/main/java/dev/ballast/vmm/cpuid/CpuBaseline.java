package dev.ballast.vmm.cpuid;

import dev.ballast.ffi.kvm.CpuidTable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What a guest is offered at most, so that it can move between hosts that have all of it.
 *
 * <p>As text it has one entry a line; {@code #} starts a comment, empty lines mean nothing:
 *
 * <pre>
 *   vendor GenuineIntel          the vendor of all hosts
 *   physical-address-bits 46     MAXPHYADDR
 *   max-leaf 0x16                the highest leaf
 *   max-extended-leaf 0x80000008 and the highest extended one
 *   feature-msr 0x10a 0x400004c  a feature MSR and its value
 *   state-msr 0x10 0x11          MSRs that are part of a guest's state
 *   avx2                         a feature
 * </pre>
 *
 * @param vendor the processor's vendor; empty for any
 * @param features all that is offered if the host has it
 * @param required those of them that a host must have
 * @param addressBits the most bits of a physical address
 * @param maxLeaf the highest leaf
 * @param maxExtendedLeaf the highest extended leaf
 * @param featureMsrs the most that feature MSRs may promise, by index
 * @param stateMsrs the MSRs that are part of a guest's state at most: another kernel may know
 *     fewer; empty for any
 */
public record CpuBaseline(
    Optional<String> vendor,
    Set<CpuFeature> features,
    Set<CpuFeature> required,
    int addressBits,
    int maxLeaf,
    int maxExtendedLeaf,
    Map<Integer, Long> featureMsrs,
    Set<Integer> stateMsrs) {
  /** The most bytes that a file may have. */
  public static final int MAX_BYTES = 64 << 10;

  private static final String VENDOR = "vendor";
  private static final String ADDRESS_BITS = "physical-address-bits";
  private static final String MAX_LEAF = "max-leaf";
  private static final String MAX_EXTENDED_LEAF = "max-extended-leaf";
  private static final String FEATURE_MSR = "feature-msr";
  private static final String STATE_MSR = "state-msr";
  private static final int MSRS_A_LINE = 8;
  private static final int VENDOR_LENGTH = 12;

  /** Takes immutable copies, which keep their order. */
  public CpuBaseline {
    features = Collections.unmodifiableSet(new LinkedHashSet<>(features));
    required = Collections.unmodifiableSet(new LinkedHashSet<>(required));
    featureMsrs = Map.copyOf(featureMsrs);
    stateMsrs = Set.copyOf(stateMsrs);
  }

  /**
   * Returns the most that all hosts can offer, without what is {@link LeftOut} anyway.
   *
   * @param hosts one at least
   * @throws IllegalArgumentException if they are of different vendors
   */
  public static CpuBaseline common(List<CpuProfile> hosts) {
    CpuProfile first = hosts.getFirst();
    Set<CpuFeature> features = new LinkedHashSet<>(CpuFeatures.all());
    for (LeftOut group : LeftOut.values()) {
      group.features().forEach(features::remove);
    }
    Map<Integer, Long> msrs = new TreeMap<>(Integer::compareUnsigned);
    FeatureMsrs.offered(first).forEach(msrs::put);
    Set<Integer> stateMsrs = new LinkedHashSet<>(first.msrs());
    for (CpuProfile host : hosts) {
      if (!host.vendor().equals(first.vendor())) {
        throw new IllegalArgumentException(
            "hosts of different vendors have no common processor: %s and %s"
                .formatted(first.vendor(), host.vendor()));
      }
      features.removeIf(feature -> !feature.isIn(host.cpuid()));
      XsaveArea.differing(first.cpuid(), host.cpuid()).forEach(features::remove);
      Map<Integer, Long> theirs = FeatureMsrs.offered(host);
      stateMsrs.retainAll(Set.copyOf(host.msrs()));
      msrs.keySet().retainAll(theirs.keySet());
      msrs.replaceAll(
          (index, value) -> FeatureMsrs.common(index, value, theirs.getOrDefault(index, 0L)));
    }
    FeatureNeeds.clear(features);
    msrs.keySet().removeIf(index -> !FeatureMsrs.isSeen(index, features::contains));
    return new CpuBaseline(
        Optional.of(first.vendor()),
        features,
        features,
        hosts.stream().mapToInt(CpuProfile::physicalAddressBits).min().orElseThrow(),
        hosts.stream().mapToInt(host -> maxLeaf(host.cpuid(), 0)).min().orElseThrow(),
        hosts.stream().mapToInt(host -> maxLeaf(host.cpuid(), 0x80000000)).min().orElseThrow(),
        msrs,
        stateMsrs);
  }

  private static int maxLeaf(CpuidTable table, int base) {
    return table.find(base, 0).map(CpuidTable.Entry::eax).orElse(base);
  }

  /** Returns the text. */
  public String text() {
    List<String> lines = new ArrayList<>();
    vendor.ifPresent(name -> lines.add(VENDOR + " " + name));
    lines.add(ADDRESS_BITS + " " + addressBits);
    lines.add("%s 0x%x".formatted(MAX_LEAF, maxLeaf));
    lines.add("%s 0x%x".formatted(MAX_EXTENDED_LEAF, maxExtendedLeaf));
    featureMsrs.entrySet().stream()
        .sorted(Map.Entry.comparingByKey(Integer::compareUnsigned))
        .forEach(
            msr -> lines.add("%s 0x%x 0x%x".formatted(FEATURE_MSR, msr.getKey(), msr.getValue())));
    List<String> indices =
        stateMsrs.stream().sorted(Integer::compareUnsigned).map("0x%x"::formatted).toList();
    for (int i = 0; i < indices.size(); i += MSRS_A_LINE) {
      List<String> some = indices.subList(i, Math.min(i + MSRS_A_LINE, indices.size()));
      lines.add(STATE_MSR + " " + String.join(" ", some));
    }
    CpuFeatures.all().stream()
        .filter(features::contains)
        .forEach(feature -> lines.add(feature.name()));
    return lines.stream().collect(Collectors.joining("\n", "", "\n"));
  }

  /**
   * Reads a text.
   *
   * @throws IllegalArgumentException with the number of the line that is wrong, or what is missing
   */
  public static CpuBaseline parse(String text) {
    if (text.length() > MAX_BYTES) {
      throw new IllegalArgumentException(
          text.length() + " characters are too many for a processor: at most " + MAX_BYTES);
    }
    Parser parser = new Parser();
    int number = 0;
    for (String line : text.split("\n", -1)) {
      number++;
      String[] words = line.replaceFirst("#.*", "").strip().split("\\s+", -1);
      try {
        parser.line(words);
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("line " + number + ": " + e.getMessage(), e);
      }
    }
    return parser.end();
  }

  /** What has been read so far. */
  private static final class Parser {
    private final Map<String, String> numbers = new LinkedHashMap<>();
    private final Map<Integer, Long> msrs = new LinkedHashMap<>();
    private final Set<Integer> stateMsrs = new LinkedHashSet<>();
    private final Set<CpuFeature> features = new LinkedHashSet<>();

    void line(String[] words) {
      switch (words[0]) {
        case "" -> {}
        case VENDOR, ADDRESS_BITS, MAX_LEAF, MAX_EXTENDED_LEAF -> {
          count(words, 2);
          if (numbers.putIfAbsent(words[0], words[1]) != null) {
            throw new IllegalArgumentException("a second '" + words[0] + "'");
          }
        }
        case FEATURE_MSR -> {
          count(words, 3);
          msrs.put(index(words[1]), number(words[2], -1));
        }
        case STATE_MSR -> {
          for (String word : Arrays.asList(words).subList(1, words.length)) {
            stateMsrs.add(index(word));
          }
        }
        default -> {
          count(words, 1);
          features.add(CpuModel.feature(words[0]));
        }
      }
    }

    private static void count(String[] words, int expected) {
      if (words.length != expected) {
        throw new IllegalArgumentException(
            "'%s' has %d words, not %d".formatted(String.join(" ", words), words.length, expected));
      }
    }

    private static int index(String word) {
      return (int) number(word, 0xffff_ffffL);
    }

    /**
     * @param most the largest value, unsigned
     */
    private static long number(String word, long most) {
      try {
        long value =
            word.startsWith("0x")
                ? Long.parseUnsignedLong(word.substring(2), 16)
                : Long.parseUnsignedLong(word);
        if (Long.compareUnsigned(value, most) <= 0) {
          return value;
        }
      } catch (NumberFormatException _) {
        // Said below.
      }
      throw new IllegalArgumentException("'" + word + "' is not a number from 0 to " + hex(most));
    }

    private static String hex(long value) {
      return "0x" + Long.toHexString(value);
    }

    private long limit(String name, long least, long most) {
      String word = numbers.get(name);
      if (word == null) {
        throw new IllegalArgumentException("'" + name + "' is missing");
      }
      long value = number(word, most);
      if (value < least) {
        throw new IllegalArgumentException(
            "'%s %s' is too small: at least %s".formatted(name, word, hex(least)));
      }
      return value;
    }

    CpuBaseline end() {
      String vendor = Objects.requireNonNullElse(numbers.get(VENDOR), "");
      if (vendor.length() != VENDOR_LENGTH) {
        throw new IllegalArgumentException(
            "'%s' is missing, or has not %d characters".formatted(VENDOR, VENDOR_LENGTH));
      }
      return new CpuBaseline(
          Optional.of(vendor),
          features,
          features,
          (int) limit(ADDRESS_BITS, 32, 52),
          (int) limit(MAX_LEAF, 1, 0xffff),
          (int) limit(MAX_EXTENDED_LEAF, 0x80000000L, 0x8000ffffL),
          msrs,
          stateMsrs);
    }
  }

  /** Returns the features with the names of all the lists. */
  static Set<CpuFeature> union(Collection<String> lists) {
    return lists.stream()
        .flatMap(list -> Arrays.stream(list.split(" ", -1)))
        .map(CpuFeatures::get)
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }
}
