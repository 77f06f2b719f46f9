package dev.ballast.ffi.layout;

import dev.ballast.ffi.generated.kvm.KvmH;
import java.io.IOException;
import java.lang.foreign.GroupLayout;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * All that jextract has generated, found by reflection so that nothing is left out of the checks.
 */
final class GeneratedCode {
  private static final String PACKAGE = "dev/ballast/ffi/generated";

  private GeneratedCode() {}

  private static List<Class<?>> classes() throws IOException, URISyntaxException {
    Path root = Path.of(KvmH.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    try (Stream<Path> files = Files.walk(root.resolve(PACKAGE))) {
      return files
          .map(file -> root.relativize(file).toString())
          .filter(name -> name.endsWith(".class") && !name.contains("$"))
          .map(name -> name.substring(0, name.length() - ".class".length()).replace('/', '.'))
          .<Class<?>>map(GeneratedCode::load)
          .toList();
    }
  }

  private static Class<?> load(String name) {
    try {
      return Class.forName(name);
    } catch (ClassNotFoundException e) {
      throw new AssertionError(e);
    }
  }

  /** Returns the layouts of the structs by their names in C. */
  static Map<String, GroupLayout> structs() throws Exception {
    Map<String, GroupLayout> structs = new TreeMap<>();
    for (Class<?> type : classes()) {
      if (!isHeader(type)) {
        structs.put(type.getSimpleName(), (GroupLayout) type.getMethod("layout").invoke(null));
      }
    }
    return structs;
  }

  /** Returns the class of a struct by its name in C. */
  static Class<?> struct(String name) throws Exception {
    return classes().stream()
        .filter(type -> type.getSimpleName().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** Returns the macros and enumerators by their names in C. */
  static Map<String, Long> constants() throws Exception {
    Map<String, Long> constants = new TreeMap<>();
    for (Class<?> type : classes()) {
      if (isHeader(type)) {
        for (Method method : type.getDeclaredMethods()) {
          if (Modifier.isPublic(method.getModifiers())) {
            constants.put(method.getName(), ((Number) method.invoke(null)).longValue());
          }
        }
      }
    }
    return constants;
  }

  private static boolean isHeader(Class<?> type) {
    return type.getSimpleName().endsWith("H");
  }
}
