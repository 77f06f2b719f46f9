package dev.ballast.tools.lab.bochs;

import java.util.List;
import java.util.Map;

/**
 * The configuration file of a Bochs 2.7 (bochsrc): one CPU with VMX and EPT, IDE disks, serial
 * ports. Names of files are relative to the directory where Bochs runs.
 *
 * @param memoryMib memory of the machine in MiB
 * @param disks raw images, in the order in which the machine sees them; four at most
 * @param console the file that gets what the machine writes to its first serial port
 * @param port the TCP port of the loopback interface that its second serial port connects to
 * @param log the file that gets what Bochs has to say
 */
public record BochsConfiguration(
    int memoryMib, List<String> disks, String console, int port, String log) {
  /** How many disks there can be. */
  public static final int MAX_DISKS = 4;

  /**
   * A model that Linux's KVM finds complete. Of the newer ones with VMX, Skylake-X states wrong
   * sizes of XSAVE areas, and Ice Lake hangs.
   */
  private static final String CPU_MODEL = "corei7_haswell_4770";

  /** What Bochs is to see in its environment: a screen that nobody sees. */
  public static final Map<String, String> ENVIRONMENT =
      Map.of("SDL_VIDEODRIVER", "dummy", "SDL_AUDIODRIVER", "dummy");

  /** Checks the bounds. */
  public BochsConfiguration {
    if (disks.size() > MAX_DISKS) {
      throw new IllegalArgumentException("Bochs has no place for " + disks.size() + " disks");
    }
    disks = List.copyOf(disks);
  }

  /** Returns the content of the file. */
  public String text() {
    StringBuilder text = new StringBuilder();
    // A triple fault or a panic ends Bochs. What it calls errors are mostly registers that it does
    // not know, and are very many.
    text.append(
        """
        config_interface: textconfig
        display_library: sdl2
        cpu: model=%s, count=1, ips=1000000000, reset_on_triple_fault=0, ignore_bad_msrs=1
        memory: guest=%d, host=%d
        romimage: file=/usr/share/bochs/BIOS-bochs-latest, options=fastboot
        vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
        pci: enabled=1, chipset=i440fx
        vga: extension=vbe, update_freq=1
        boot: disk
        speaker: enabled=0
        sound: waveoutdrv=dummy, waveindrv=dummy
        log: %s
        panic: action=fatal
        error: action=ignore
        info: action=ignore
        debug: action=ignore
        """
            .formatted(CPU_MODEL, memoryMib, memoryMib, log));
    // Not held to the host's clock, the machine skips the time in which it idles.
    text.append("clock: sync=none, time0=utc\n");
    text.append("ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14\n");
    text.append("ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15\n");
    for (int i = 0; i < disks.size(); i++) {
      String place = "ata" + i / 2 + (i % 2 == 0 ? "-master" : "-slave");
      text.append(place).append(": type=disk, mode=flat, path=").append(disks.get(i)).append('\n');
    }
    text.append("com1: enabled=1, mode=file, dev=").append(console).append('\n');
    text.append("com2: enabled=1, mode=socket-client, dev=127.0.0.1:").append(port).append('\n');
    return text.toString();
  }
}
