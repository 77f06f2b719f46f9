package dev.ballast.tools.lab;

import dev.ballast.guest.linux.GuestImageException;
import dev.ballast.guest.linux.LinuxGuest;
import dev.ballast.guest.linux.LinuxGuestOptions;
import dev.ballast.tools.host.UserCache;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.Consumer;

/**
 * The images of a lab, made on first use and kept in the user's cache.
 *
 * @param kernel of level 1
 * @param initramfs of level 1
 * @param runtime a file system with the Java run-time
 * @param application a file system with Ballast
 * @param guests a file system with the Linux guest, ready for level 2
 */
record LabImages(
    Path kernel, Path initramfs, RuntimeImage runtime, ApplicationImage application, Path guests) {

  private static final Path GUESTS_MOUNT_POINT = Path.of("/opt/guests");

  /** Makes what is missing. Any thread, any number of processes. */
  static LabImages prepare(LabCpu cpu, Consumer<String> progress) throws IOException {
    LabRequirements.check(cpu);
    Distribution distribution = Distribution.find();
    ImageCache cache = new ImageCache(UserCache.lab());
    LinuxGuest guest;
    try {
      guest = LinuxGuest.prepare(UserCache.guests(), LinuxGuestOptions.defaults(), progress);
    } catch (GuestImageException e) {
      throw new LabException("the lab needs a Linux kernel: " + e.getMessage(), e);
    }
    RuntimeImage runtime = RuntimeImage.prepare(cache, distribution.platformModules(), progress);
    return new LabImages(
        guest.kernel(),
        BootImage.prepare(cache, guest, cpu),
        runtime,
        ApplicationImage.prepare(cache, distribution, runtime, progress),
        guests(cache));
  }

  /** Returns a new map of the images that level 1 mounts, by mount point. */
  SequencedMap<Path, Path> disks() {
    SequencedMap<Path, Path> disks = new LinkedHashMap<>();
    disks.put(RuntimeImage.MOUNT_POINT, runtime.image());
    disks.put(application.mountPoint(), application.image());
    disks.put(GUESTS_MOUNT_POINT, guests);
    return disks;
  }

  /** Returns what commands need in their environment so that they find Ballast and Java. */
  Map<String, String> environment() {
    return Map.of(
        "PATH",
        application.mountPoint() + ":" + application.javaHome().resolve("bin") + ":/bin",
        "JAVA_HOME",
        application.javaHome().toString());
  }

  /**
   * Returns a script that gives level 1 a group of processes for each CPU, and a cache with the
   * guests in it, writable like any cache.
   */
  String setUpScript() {
    return LabCpus.SET_UP
        + "mkdir -p /root/.cache/ballast/guests /run/guests/upper /run/guests/work\n"
        + "mount -t overlay -o upperdir=/run/guests/upper,workdir=/run/guests/work,lowerdir="
        + GUESTS_MOUNT_POINT
        + " overlay /root/.cache/ballast/guests\n";
  }

  private static Path guests(ImageCache cache) throws IOException {
    Path directory = UserCache.guests();
    return cache
        .get(
            "guests",
            new ContentKey().addListing(directory).hex(),
            entry -> Ext4Image.create(directory, entry.resolve("guests.ext4")))
        .resolve("guests.ext4");
  }
}
