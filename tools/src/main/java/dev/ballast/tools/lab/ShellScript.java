package dev.ballast.tools.lab;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Writes the shell scripts that level 1 runs. */
final class ShellScript {
  private ShellScript() {}

  /** Quotes a word so that a shell takes every character of it literally. */
  static String quote(String word) {
    return "'" + word.replace("'", "'\\''") + "'";
  }

  /**
   * Returns a script that becomes a command.
   *
   * @param input whether the command gets the script's input, rather than none
   */
  static String command(Map<String, String> environment, List<String> command, boolean input) {
    StringBuilder script = new StringBuilder();
    environment.forEach(
        (name, value) ->
            script.append("export ").append(name).append('=').append(quote(value)).append('\n'));
    return script
        .append("exec ")
        .append(command.stream().map(ShellScript::quote).collect(Collectors.joining(" ")))
        .append(input ? "\n" : " < /dev/null\n")
        .toString();
  }

  /** Returns a script that writes a tar archive of a directory to standard output. */
  static String archive(String directory) {
    return "exec tar -c -f - -C " + quote(directory) + " .\n";
  }

  /** Returns a script that writes such an archive to a disk, and through to the host. */
  static String archiveToDisk(String directory, LabMachine.OutDisk disk) {
    return """
        set -o pipefail
        tar -c -f - -C %s . | dd bs=1M iflag=fullblock seek=%d conv=fsync status=none of=%s
        """
        .formatted(quote(directory), disk.offset() >> 20, disk.device());
  }

  /**
   * Returns a script that mounts disks read-only.
   *
   * @param disks words of the script, one for each mount point
   */
  static String mounts(List<String> disks, List<Path> mountPoints) {
    StringBuilder script = new StringBuilder("set -e\n");
    for (int i = 0; i < mountPoints.size(); i++) {
      String point = quote(mountPoints.get(i).toString());
      script.append("mkdir -p ").append(point).append('\n');
      script.append("mount -t ext4 -o ro ").append(disks.get(i));
      script.append(' ').append(point).append('\n');
    }
    return script.toString();
  }
}
