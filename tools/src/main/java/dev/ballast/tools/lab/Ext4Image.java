package dev.ballast.tools.lab;

import dev.ballast.tools.host.LabPackages;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;

/** Makes file system images out of directories, without root. */
final class Ext4Image {
  private static final long BLOCK = 4096;

  /** Superblock, group descriptors, bitmaps, lost+found. */
  private static final long FIXED_OVERHEAD = 4L << 20;

  /** Bytes an inode takes in the inode table. */
  private static final long INODE_SIZE = 256;

  private static final long SPARE_INODES = 64;

  private Ext4Image() {}

  /**
   * Writes an ext4 file system with a copy of a directory into a new sparse file. Modification
   * times are kept.
   *
   * @throws LabException if the directory cannot be read or mkfs.ext4 fails
   */
  static void create(Path directory, Path image) throws IOException {
    Usage usage = new Usage();
    Files.walkFileTree(directory, usage);
    long inodes = usage.files + SPARE_INODES;
    // An extent tree and directory blocks are small beside a sixteenth of the content.
    long bytes =
        FIXED_OVERHEAD + usage.blocks * BLOCK * 17 / 16 + inodes * INODE_SIZE + inodes * BLOCK / 8;
    HostProgram.run(
        directory,
        List.of(
            LabRequirements.require(LabPackages.MKFS).toString(),
            "-q",
            "-F",
            "-b",
            Long.toString(BLOCK),
            "-I",
            Long.toString(INODE_SIZE),
            "-N",
            Long.toString(inodes),
            "-m",
            "0",
            "-O",
            "^has_journal,^resize_inode",
            "-E",
            "root_owner=0:0",
            "-d",
            directory.toString(),
            image.toString(),
            Long.toString((bytes + 1023) / 1024)));
  }

  /** Counts files, and the blocks that their content takes. */
  private static final class Usage extends SimpleFileVisitor<Path> {
    private long files;
    private long blocks;

    @Override
    public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
      return count(attributes);
    }

    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
      return count(attributes);
    }

    private FileVisitResult count(BasicFileAttributes attributes) {
      files++;
      blocks += (attributes.size() + BLOCK - 1) / BLOCK;
      return FileVisitResult.CONTINUE;
    }
  }
}
