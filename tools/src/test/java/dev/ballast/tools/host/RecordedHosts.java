package dev.ballast.tools.host;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.ballast.vmm.cpuid.CpuProfile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Objects;

/** Hosts whose processors were recorded; each file says where its facts come from. */
enum RecordedHosts {
  SKYLAKE_SP("Skylake-SP", "skylake-sp"),
  ICE_LAKE_SP("Ice Lake-SP", "ice-lake-sp"),
  SAPPHIRE_RAPIDS("Sapphire Rapids", "sapphire-rapids"),
  ZEN_2("Zen 2 (Rome)", "zen2-rome"),
  ZEN_4("Zen 4 (Genoa)", "zen4-genoa");

  private final String label;
  private final String file;

  RecordedHosts(String label, String file) {
    this.label = label;
    this.file = "cpu/" + file + ".json";
  }

  /** Returns its name for people. */
  String label() {
    return label;
  }

  /** Returns what its KVM can offer. */
  CpuProfile cpu() {
    try (InputStream in = RecordedHosts.class.getResourceAsStream(file)) {
      return HostCpuJson.parse(new JsonMapper().readTree(Objects.requireNonNull(in, file)));
    } catch (IOException e) {
      throw new UncheckedIOException(file, e);
    }
  }
}
