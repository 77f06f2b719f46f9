package dev.ballast.tools.lab;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/** Unpacks what the lab sends back. */
final class OutFolder {
  private OutFolder() {}

  /**
   * Unpacks directories and regular files of a tar archive over what is there; other kinds are left
   * out.
   *
   * @param into created when there is a first entry below it
   * @throws LabException if an entry leads out of {@code into}
   */
  static void unpack(InputStream archive, Path into) throws IOException {
    Path root = into.toAbsolutePath().normalize();
    // Closed by the caller, with the stream below.
    TarArchiveInputStream tar = new TarArchiveInputStream(archive);
    for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
      Path target = root.resolve(entry.getName()).normalize();
      if (!target.startsWith(root)) {
        throw new LabException("the lab sent a file from outside of /out: " + entry.getName());
      }
      if (target.equals(root)) {
        continue;
      }
      if (entry.isDirectory()) {
        Files.createDirectories(target);
      } else if (entry.isFile()) {
        Files.createDirectories(target.getParent());
        Files.copy(tar, target, StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }
}
