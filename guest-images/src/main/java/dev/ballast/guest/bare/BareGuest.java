package dev.ballast.guest.bare;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The image of the bare guest: a statically linked x86-64 ELF for 1 MiB with a PVH note
 * (XEN_ELFNOTE_PHYS32_ENTRY), good for 4 MiB to 16 TiB of memory. It does its work on the first
 * processor, in ring 3, and polls, so it is fast also where KVM interprets ring 0; it has a virtio
 * balloon driver, fills and checks memory, and keeps on across a live migration. It can start up to
 * 1023 more processors, which are halted and can be woken.
 *
 * <p>Kernel command line (words that the guest does not know are ignored; sizes and numbers as in
 * the commands, see {@link BareGuestConsole}):
 *
 * <ul>
 *   <li>{@code virtio_mmio.device=SIZE@ADDRESS:IRQ}, repeatable: where virtio-mmio devices are. Of
 *       modern ones (version 2), the first balloon is driven.
 *   <li>{@code must_tell_host=off}: do not accept VIRTIO_BALLOON_F_MUST_TELL_HOST; {@code
 *       deflate_on_oom=on}: accept VIRTIO_BALLOON_F_DEFLATE_ON_OOM; {@code indirect_desc=on}:
 *       accept VIRTIO_F_INDIRECT_DESC.
 *   <li>{@code auto=off}: do not follow num_pages; {@code batch=N}: PFNs a descriptor, 1 to 1024
 *       (256); {@code depth=N}: descriptors in flight, 1 to 64 (32).
 *   <li>{@code beat=MS}: write a heartbeat at this interval; {@code tsc_khz=N}: do not measure the
 *       time-stamp counter.
 *   <li>{@code exit_port=PORT} (0xf4), {@code poweroff_port=PORT} (ACPI PM1a_CNT, none) and {@code
 *       poweroff_value=N} (SLP_EN with SLP_TYP 0, then with 5): where {@code exit} and {@code
 *       poweroff} write to, and what.
 *   <li>{@code run="COMMAND;COMMAND"}: what to do first.
 * </ul>
 */
public final class BareGuest {
  private static final String RESOURCE = "bare.elf";

  private BareGuest() {}

  /**
   * Returns a fresh copy of the ELF image, some 50 KiB.
   *
   * @throws IllegalStateException if this copy of Ballast was built without it
   */
  public static byte[] elf() {
    try (InputStream in = BareGuest.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new IllegalStateException("the bare guest is missing: build guest-images with Maven");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException("the bare guest cannot be read", e);
    }
  }

  /**
   * Writes the ELF image to a file, which is replaced if it exists.
   *
   * @return {@code file}
   */
  public static Path writeTo(Path file) throws IOException {
    return Files.write(file, elf());
  }
}
