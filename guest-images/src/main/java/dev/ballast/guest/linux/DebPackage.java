package dev.ballast.guest.linux;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Predicate;
import org.apache.commons.compress.archivers.ar.ArArchiveEntry;
import org.apache.commons.compress.archivers.ar.ArArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/**
 * A Debian binary package file (deb(5)): an ar archive whose member {@code data.tar.*} holds the
 * files. Unpacking needs neither root nor dpkg. Any thread.
 *
 * @param file the {@code .deb}
 */
public record DebPackage(Path file) {
  private static final String DATA_MEMBER = "data.tar";

  /**
   * Unpacks regular files, without owners and permissions; other kinds of entries are left out.
   *
   * @param wanted which files, by their path in the package without a leading {@code ./}
   * @param into an existing directory
   * @return how many files were unpacked
   * @throws GuestImageException if the package is damaged, or has a member leading out of {@code
   *     into}
   */
  public int unpack(Predicate<String> wanted, Path into) throws IOException {
    try (ArArchiveInputStream ar =
        new ArArchiveInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
      for (ArArchiveEntry member = ar.getNextEntry(); member != null; member = ar.getNextEntry()) {
        if (member.getName().startsWith(DATA_MEMBER)) {
          String suffix = member.getName().substring(DATA_MEMBER.length());
          return unpackData(
              Compression.decompress(suffix, ar, file + " " + member.getName()), wanted, into);
        }
      }
    } catch (GuestImageException e) {
      throw e;
    } catch (IOException e) {
      throw new GuestImageException(
          file + " cannot be unpacked (" + e.getMessage() + "): delete it and try again", e);
    }
    throw new GuestImageException(
        file + " is not a Debian package: it has no member data.tar.*; delete it and try again");
  }

  private int unpackData(InputStream data, Predicate<String> wanted, Path into) throws IOException {
    int count = 0;
    // Closed by the caller, with the package.
    TarArchiveInputStream tar = new TarArchiveInputStream(data);
    for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
      String name = entry.getName();
      name = name.startsWith("./") ? name.substring(2) : name;
      if (!entry.isFile() || !wanted.test(name)) {
        continue;
      }
      Path target = into.resolve(name).normalize();
      if (!target.startsWith(into.normalize())) {
        throw new GuestImageException(file + " has a file outside of its root: " + name);
      }
      Files.createDirectories(target.getParent());
      Files.copy(tar, target);
      count++;
    }
    return count;
  }
}
