package dev.ballast.tools.host;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.ffi.kvm.CpuidTable;
import dev.ballast.vmm.cpuid.CpuProfile;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a host's KVM can offer, as {@code ballast doctor --json} prints it in its field {@code cpu}:
 *
 * <pre>
 *   "vendor": "GenuineIntel",
 *   "physical_address_bits": 46,
 *   "cpuid": ["0x00000001: eax=0x... ebx=0x... ecx=0x... edx=0x...",   a leaf
 *             "0x00000007 0x00: eax=0x... ...", ...],                  a sub-leaf
 *   "msrs": ["0x00000010", ...],             KVM_GET_MSR_INDEX_LIST
 *   "feature_msrs": {"0x0000010a": "0x..."}  KVM_GET_MSR_FEATURE_INDEX_LIST, with the values
 * </pre>
 *
 * <p>{@code cpuid} is KVM_GET_SUPPORTED_CPUID, with the hypervisor bit and the TSC-deadline timer.
 */
public final class HostCpuJson {
  private static final Pattern ENTRY =
      Pattern.compile(
          "0x([0-9a-f]{1,8})(?: 0x([0-9a-f]{1,8}))?:"
              + " eax=0x([0-9a-f]{1,8}) ebx=0x([0-9a-f]{1,8})"
              + " ecx=0x([0-9a-f]{1,8}) edx=0x([0-9a-f]{1,8})");

  private static final int MAX_ENTRIES = 4096;

  private HostCpuJson() {}

  /** Returns the object. */
  public static ObjectNode toJson(CpuProfile cpu) {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.put("vendor", cpu.vendor());
    root.put("physical_address_bits", cpu.physicalAddressBits());
    ArrayNode cpuid = root.putArray("cpuid");
    cpu.cpuid().entries().forEach(entry -> cpuid.add(line(entry)));
    ArrayNode msrs = root.putArray("msrs");
    cpu.msrs().forEach(msr -> msrs.add("0x%08x".formatted(msr)));
    ObjectNode features = root.putObject("feature_msrs");
    cpu.featureMsrs()
        .forEach(
            (index, value) -> features.put("0x%08x".formatted(index), "0x%x".formatted(value)));
    return root;
  }

  private static String line(CpuidTable.Entry e) {
    boolean indexed = (e.flags() & CpuidTable.SIGNIFICANT_INDEX) != 0;
    return "0x%08x%s: eax=0x%08x ebx=0x%08x ecx=0x%08x edx=0x%08x"
        .formatted(
            e.function(),
            indexed ? " 0x%02x".formatted(e.index()) : "",
            e.eax(),
            e.ebx(),
            e.ecx(),
            e.edx());
  }

  /**
   * Reads what {@code ballast doctor --json} printed.
   *
   * @param report the whole object; fields that are not known are ignored
   * @throws IllegalArgumentException if it has no processor, or a field is not of the form above
   */
  public static CpuProfile parse(JsonNode report) {
    JsonNode cpu = report.path("cpu");
    List<CpuidTable.Entry> entries = new ArrayList<>();
    for (JsonNode line : list(cpu, "cpuid")) {
      entries.add(entry(line.asText()));
    }
    if (entries.isEmpty()) {
      throw new IllegalArgumentException(
          "no processor in it: 'ballast doctor --json' prints one where /dev/kvm can be used");
    }
    List<Integer> msrs = new ArrayList<>();
    for (JsonNode msr : list(cpu, "msrs")) {
      msrs.add((int) number(msr.asText(), 8));
    }
    Map<Integer, Long> features = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> msr : cpu.path("feature_msrs").properties()) {
      features.put((int) number(msr.getKey(), 8), number(msr.getValue().asText(), 16));
    }
    if (features.size() > MAX_ENTRIES) {
      throw new IllegalArgumentException(
          "'feature_msrs' has more than " + MAX_ENTRIES + " entries");
    }
    return new CpuProfile(new CpuidTable(entries), msrs, features, Map.of());
  }

  private static JsonNode list(JsonNode cpu, String field) {
    JsonNode list = cpu.path(field);
    if (list.size() > MAX_ENTRIES) {
      throw new IllegalArgumentException(
          "'%s' has more than %d entries".formatted(field, MAX_ENTRIES));
    }
    return list;
  }

  private static CpuidTable.Entry entry(String line) {
    Matcher match = ENTRY.matcher(line);
    if (!match.matches()) {
      throw new IllegalArgumentException("'" + line + "' is no leaf of CPUID");
    }
    boolean indexed = match.group(2) != null;
    return new CpuidTable.Entry(
        bits(match, 1),
        indexed ? bits(match, 2) : 0,
        indexed ? CpuidTable.SIGNIFICANT_INDEX : 0,
        bits(match, 3),
        bits(match, 4),
        bits(match, 5),
        bits(match, 6));
  }

  private static int bits(Matcher match, int group) {
    return Integer.parseUnsignedInt(match.group(group), 16);
  }

  private static long number(String text, int digits) {
    if (!text.matches("0x[0-9a-f]{1," + digits + "}")) {
      throw new IllegalArgumentException(
          "'" + text + "' is no number of " + digits + " hex digits");
    }
    return Long.parseUnsignedLong(text.substring(2), 16);
  }
}
