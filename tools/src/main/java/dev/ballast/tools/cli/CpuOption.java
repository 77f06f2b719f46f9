package dev.ballast.tools.cli;

import dev.ballast.vmm.cpuid.CpuBaseline;
import dev.ballast.vmm.cpuid.CpuLevel;
import dev.ballast.vmm.cpuid.CpuModel;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * The value of {@code --cpu}: a model, and features added to it and removed.
 *
 * @param model the model
 */
record CpuOption(CpuModel model) {
  /** For picocli. */
  static final class Converter implements ITypeConverter<CpuOption> {
    @Override
    public CpuOption convert(String value) {
      List<String> words = Arrays.asList(value.split(",", -1));
      try {
        return new CpuOption(model(words.getFirst()).with(words.subList(1, words.size())));
      } catch (IllegalArgumentException | IOException e) {
        throw new TypeConversionException(String.valueOf(e.getMessage()));
      }
    }
  }

  private static CpuModel model(String name) throws IOException {
    if (name.equals(CpuModel.HOST_NAME)) {
      return CpuModel.HOST;
    }
    Optional<CpuLevel> level = CpuLevel.find(name);
    if (level.isPresent()) {
      return level.get().model();
    }
    return file(Path.of(name));
  }

  private static CpuModel file(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      // One byte more, so that a longer file is refused and not cut.
      String text =
          new String(in.readNBytes(CpuBaseline.MAX_BYTES + 1), StandardCharsets.ISO_8859_1);
      return new CpuModel(
          file.toString(), Optional.of(CpuBaseline.parse(text)), List.of(), List.of());
    } catch (NoSuchFileException _) {
      throw new IllegalArgumentException(
          "'"
              + file
              + "' is neither a CPU model (host, x86-64-v2, x86-64-v3, x86-64-v4) nor a file");
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new IOException(file + ": cannot be read: " + e.getMessage(), e);
    }
  }
}
