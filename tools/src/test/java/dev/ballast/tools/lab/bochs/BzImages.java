package dev.ballast.tools.lab.bochs;

import dev.ballast.ffi.linux.BootParams;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Files that are bzImages, with anything as their protected-mode kernel. */
final class BzImages {
  /** Where they prefer to be loaded, and how much memory they say they need there. */
  static final int LOAD_ADDRESS = 0x1000000;

  private static final int MEMORY_NEEDED = 0x100001;
  private static final int SECTOR = 512;
  private static final int HEADER_END = 0x26c;

  private BzImages() {}

  /**
   * Returns a file.
   *
   * @param code what is entered at its first byte, in 32-bit protected mode; more than 512 bytes
   */
  static byte[] of(byte[] code) {
    ByteBuffer file =
        ByteBuffer.allocate(2 * SECTOR + (code.length + 15) / 16 * 16)
            .order(ByteOrder.LITTLE_ENDIAN);
    file.put(BootParams.SETUP_SECTS, (byte) 1);
    file.putInt(BootParams.SYSSIZE, (code.length + 15) / 16);
    file.putShort(BootParams.BOOT_FLAG, (short) 0xaa55);
    file.put(BootParams.JUMP, (byte) 0xeb);
    file.put(BootParams.JUMP + 1, (byte) (HEADER_END - BootParams.JUMP - 2));
    file.putInt(BootParams.HEADER, BootParams.HEADER_MAGIC);
    file.putShort(BootParams.VERSION, (short) 0x20f);
    file.put(BootParams.LOADFLAGS, (byte) BootParams.LOADED_HIGH);
    file.putInt(BootParams.CMDLINE_SIZE, 2047);
    file.putShort(BootParams.XLOADFLAGS, (short) BootParams.XLF_KERNEL_64);
    file.putLong(BootParams.PREF_ADDRESS, LOAD_ADDRESS);
    file.putInt(BootParams.INIT_SIZE, MEMORY_NEEDED);
    file.put(2 * SECTOR, code);
    return file.array();
  }
}
