package dev.ballast.vmm.memory;

import dev.ballast.ffi.linux.NumberSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The NUMA nodes of the host that are online, as sysfs shows them
 * (Documentation/ABI/stable/sysfs-devices-node). A kernel without NUMA has none.
 *
 * @param nodes ascending
 */
public record HostNodes(List<Node> nodes) {
  private static final Path SYSFS = Path.of("/sys/devices/system/node");
  private static final Pattern MEM_TOTAL =
      Pattern.compile("Node [0-9]+ MemTotal: +([0-9]{1,15}) kB");

  /**
   * A node.
   *
   * @param number of the node
   * @param bytes of memory that it has; 0 if it has only processors
   * @param cpus its processors; empty if it has only memory
   * @param distances to each node in the order of {@link HostNodes#nodes}; 10 is its own
   */
  public record Node(int number, long bytes, NumberSet cpus, List<Integer> distances) {
    public Node {
      distances = List.copyOf(distances);
    }
  }

  public HostNodes {
    nodes = List.copyOf(nodes);
  }

  /**
   * Reads this host's.
   *
   * @throws IOException if sysfs shows something else than expected
   */
  public static HostNodes current() throws IOException {
    return read(SYSFS);
  }

  /**
   * Returns whether this host has memory in more than one node; reads one file, for every machine
   * that starts.
   *
   * @throws IOException if the file cannot be read
   */
  public static boolean several() throws IOException {
    return several(SYSFS);
  }

  static boolean several(Path sysfs) throws IOException {
    Path file = sysfs.resolve("has_memory");
    if (!Files.exists(file)) {
      return false;
    }
    String list = Files.readString(file);
    return list.indexOf(',') >= 0 || list.indexOf('-') >= 0;
  }

  static HostNodes read(Path sysfs) throws IOException {
    List<Node> nodes = new ArrayList<>();
    Path online = sysfs.resolve("online");
    NumberSet numbers = Files.exists(online) ? list(online) : NumberSet.NONE;
    for (int number : numbers.numbers()) {
      Path node = sysfs.resolve("node" + number);
      nodes.add(
          new Node(
              number,
              bytes(node.resolve("meminfo")),
              list(node.resolve("cpulist")),
              distances(node.resolve("distance"), numbers.size())));
    }
    return new HostNodes(nodes);
  }

  private static NumberSet list(Path file) throws IOException {
    try {
      return NumberSet.parse(Files.readString(file).strip());
    } catch (IllegalArgumentException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }

  private static long bytes(Path file) throws IOException {
    try (Stream<String> lines = Files.lines(file)) {
      return lines
          .map(MEM_TOTAL::matcher)
          .filter(Matcher::matches)
          .mapToLong(matcher -> Long.parseLong(matcher.group(1)) << 10)
          .findFirst()
          .orElseThrow(() -> new IOException(file + " says no MemTotal in kB"));
    }
  }

  private static List<Integer> distances(Path file, int count) throws IOException {
    List<Integer> distances = new ArrayList<>();
    String text = Files.readString(file).strip();
    for (String distance : text.split(" +", -1)) {
      if (!distance.matches("[0-9]{1,3}")) {
        throw new IOException(file + " holds '" + text + "', expected distances");
      }
      distances.add(Integer.parseInt(distance));
    }
    if (distances.size() != count) {
      throw new IOException(file + " holds '" + text + "', expected " + count + " distances");
    }
    return distances;
  }

  /** Returns the numbers of all nodes. */
  public NumberSet numbers() {
    return new NumberSet(nodes.stream().map(Node::number).toList());
  }

  /** Returns the numbers of the nodes that have memory. */
  public NumberSet withMemory() {
    return new NumberSet(
        nodes.stream().filter(node -> node.bytes() > 0).map(Node::number).toList());
  }

  /** Returns how much memory the largest node has, in bytes; 0 if there is none. */
  public long largest() {
    return nodes.stream().mapToLong(Node::bytes).max().orElse(0);
  }

  /** Returns the distance from one node to another, if both are online; 10 is a node's own. */
  public Optional<Integer> distance(int from, int to) {
    for (Node node : nodes) {
      if (node.number() == from) {
        for (int i = 0; i < nodes.size(); i++) {
          if (nodes.get(i).number() == to) {
            return Optional.of(node.distances().get(i));
          }
        }
      }
    }
    return Optional.empty();
  }
}
