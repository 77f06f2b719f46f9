package dev.ballast.guest.linux;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The modules of one kernel, below a directory such as {@code /lib/modules/6.1.0-9-cloud-amd64}.
 * What depends on what is read out of the modules themselves, because {@code modules.dep} only
 * exists after depmod ran, and nothing is installed here. Not thread-safe.
 */
public final class KernelModules {
  /**
   * A module to load.
   *
   * @param name with underscores, like lsmod shows it
   * @param file where it is, possibly compressed
   */
  public record Module(String name, Path file) {
    /** Returns the ELF file, uncompressed. */
    public byte[] content() throws IOException {
      return read(file);
    }
  }

  /** The largest module that is accepted, in bytes after decompression. */
  private static final int MAX_MODULE_SIZE = 64 << 20;

  private final Path directory;
  private final Map<String, Path> files = new HashMap<>();
  private final Set<String> builtIn = new HashSet<>();

  /**
   * Lists the modules in a directory and below it.
   *
   * @throws GuestImageException if there are none
   */
  public KernelModules(Path directory) throws IOException {
    this.directory = directory;
    if (!Files.isDirectory(directory)) {
      throw new GuestImageException(directory + " is not a directory with kernel modules");
    }
    try (Stream<Path> walk = Files.walk(directory)) {
      walk.filter(KernelModules::isModule).forEach(file -> files.put(nameOf(file), file));
    }
    Path builtInList = directory.resolve("modules.builtin");
    if (Files.exists(builtInList)) {
      for (String line : Files.readAllLines(builtInList)) {
        builtIn.add(nameOf(Path.of(line)));
      }
    }
    if (files.isEmpty() && builtIn.isEmpty()) {
      throw new GuestImageException(directory + " has no kernel modules (*.ko) in it");
    }
  }

  /**
   * Returns the named modules and all that they depend on, in an order in which they can be loaded.
   * Those built into the kernel are left out.
   *
   * @throws GuestImageException if one is missing, damaged, or depends on itself
   */
  public List<Module> loadOrder(Collection<String> names) throws IOException {
    Map<String, Module> ordered = new LinkedHashMap<>();
    for (String name : names) {
      visit(name.replace('-', '_'), ordered, new ArrayList<>());
    }
    return List.copyOf(ordered.values());
  }

  private void visit(String name, Map<String, Module> ordered, List<String> path)
      throws IOException {
    if (ordered.containsKey(name) || builtIn.contains(name)) {
      return;
    }
    if (path.contains(name)) {
      throw new GuestImageException(
          "kernel module " + name + " depends on itself: " + String.join(" → ", path));
    }
    Path file = files.get(name);
    if (file == null) {
      String user = path.isEmpty() ? "" : ", which " + path.getLast() + " needs,";
      throw new GuestImageException("kernel module " + name + user + " is not in " + directory);
    }
    path.addLast(name);
    Module module = new Module(name, file);
    for (String dependency : ModuleInfo.parse(file, module.content()).dependencies()) {
      visit(dependency, ordered, path);
    }
    path.removeLast();
    ordered.put(name, module);
  }

  private static boolean isModule(Path file) {
    String name = file.getFileName().toString();
    return name.endsWith(".ko") || name.contains(".ko.");
  }

  private static String nameOf(Path file) {
    String name = file.getFileName().toString();
    int end = name.indexOf(".ko");
    return (end < 0 ? name : name.substring(0, end)).replace('-', '_');
  }

  private static byte[] read(Path file) throws IOException {
    String fileName = file.getFileName().toString();
    String suffix = fileName.substring(fileName.indexOf(".ko") + 3);
    try (InputStream compressed = new BufferedInputStream(Files.newInputStream(file));
        InputStream in = Compression.decompress(suffix, compressed, file.toString())) {
      byte[] content = in.readNBytes(MAX_MODULE_SIZE + 1);
      if (content.length > MAX_MODULE_SIZE) {
        throw new GuestImageException(file + " is larger than 64 MiB: not a kernel module");
      }
      return content;
    } catch (GuestImageException e) {
      throw e;
    } catch (IOException e) {
      throw new GuestImageException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }
}
