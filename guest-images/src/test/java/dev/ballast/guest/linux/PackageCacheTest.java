package dev.ballast.guest.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.ar.ArArchiveEntry;
import org.apache.commons.compress.archivers.ar.ArArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PackageCacheTest {
  @TempDir Path directory = Path.of("");

  @Test
  void downloadsOnce() throws IOException {
    PackageCache cache = new PackageCache(directory);
    AtomicInteger downloads = new AtomicInteger();
    PackageCache.Download download =
        work -> {
          downloads.incrementAndGet();
          return deb(work, "one");
        };
    Path first = cache.unpacked("name", false, path -> true, line -> {}, download);
    assertThat(first.resolve("file")).hasContent("one");
    assertThat(cache.unpacked("name", false, path -> true, line -> {}, download)).isEqualTo(first);
    assertThat(downloads).hasValue(1);
  }

  @Test
  void keepsTheOldPackageBesideARefreshedOne() throws IOException {
    PackageCache cache = new PackageCache(directory);
    Path old = cache.unpacked("name", false, path -> true, line -> {}, work -> deb(work, "old"));
    Path young = cache.unpacked("name", true, path -> true, line -> {}, work -> deb(work, "new"));
    assertThat(young).isNotEqualTo(old);
    assertThat(old.resolve("file")).hasContent("old");
    assertThat(cache.unpacked("name", false, path -> true, line -> {}, work -> deb(work, "no")))
        .isEqualTo(young.toRealPath());
  }

  @Test
  void leavesNothingBehindWhenADownloadFails() throws IOException {
    PackageCache cache = new PackageCache(directory);
    assertThatThrownBy(
            () ->
                cache.unpacked(
                    "name",
                    false,
                    path -> true,
                    line -> {},
                    work -> {
                      Files.writeString(work.resolve("part"), "half");
                      throw new GuestImageException("no network");
                    }))
        .hasMessage("no network");
    assertThatThrownBy(
            () ->
                cache.unpacked("name", false, path -> false, line -> {}, work -> deb(work, "one")))
        .hasMessageContaining("none of the files");
    assertOnlyFinishedEntries();
  }

  @Test
  void isSafeForManyAtOnce() throws Exception {
    int threads = 8;
    CyclicBarrier start = new CyclicBarrier(threads);
    Callable<Path> one =
        () -> {
          PackageCache cache = new PackageCache(directory);
          start.await();
          Path unpacked =
              cache.unpacked("name", true, path -> true, line -> {}, work -> deb(work, "same"));
          cache.keep("kept", ".bin", new byte[100_000]);
          return unpacked.toRealPath();
        };
    try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
      List<Future<Path>> results =
          executor.invokeAll(Stream.generate(() -> one).limit(threads).toList());
      for (Future<Path> result : results) {
        assertThat(result.get()).isEqualTo(results.getFirst().get());
        assertThat(result.get().resolve("file")).hasContent("same");
      }
    }
    assertOnlyFinishedEntries();
  }

  private void assertOnlyFinishedEntries() throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      assertThat(entries.map(path -> path.getFileName().toString()))
          .allMatch(
              name ->
                  name.equals("packages") || name.equals("unpacked") || name.startsWith("kept-"));
    }
  }

  private static DebPackage deb(Path directory, String content) throws IOException {
    Path deb = directory.resolve("real-name_1_amd64.deb");
    Path data = directory.resolve("data.tar");
    byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
    try (OutputStream out = Files.newOutputStream(data);
        TarArchiveOutputStream tar = new TarArchiveOutputStream(out)) {
      TarArchiveEntry entry = new TarArchiveEntry("file");
      entry.setModTime(0);
      entry.setSize(bytes.length);
      tar.putArchiveEntry(entry);
      tar.write(bytes);
      tar.closeArchiveEntry();
    }
    try (ArArchiveOutputStream ar = new ArArchiveOutputStream(Files.newOutputStream(deb))) {
      ar.putArchiveEntry(new ArArchiveEntry("data.tar", Files.size(data), 0, 0, 0100644, 0));
      Files.copy(data, ar);
      ar.closeArchiveEntry();
    }
    return new DebPackage(deb);
  }
}
