package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.qmp.ArgumentType.Argument;
import dev.ballast.tools.qmp.ArgumentType.Int;
import dev.ballast.tools.vm.BalloonControl;
import dev.ballast.tools.vm.VirtualMachine;
import dev.ballast.tools.vm.VmException;
import dev.ballast.vmm.memory.PageBitmap;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Commands about the balloon. {@code query-balloon} also returns, as {@code x-driver}, whether a
 * driver in the guest uses it: until one does, a target waits. {@code x-query-balloon-bitmap}
 * describes the pages in the balloon: how many {@code pages} of 4 KiB, in how many {@code runs} of
 * neighbours, and a {@code checksum}, the CRC-32C of the bitmap's 64-bit words in little-endian
 * order (bit <i>p</i> mod 64 of word <i>p</i> div 64 is page <i>p</i> of RAM) in eight hexadecimal
 * digits. Equal bitmaps have equal checksums, on whichever side of a migration. While the guest
 * moves its balloon the three need not be of one moment.
 */
record BalloonCommands(VirtualMachine vm) {
  private static final long CHECKSUM_STEP = 1L << 20;

  List<QmpCommand> commands() {
    return List.of(
        QmpCommand.action(
            "balloon",
            this::setTarget,
            Argument.required("value", new Int(Long.MIN_VALUE, Long.MAX_VALUE))),
        QmpCommand.of("query-balloon", arguments -> query()),
        QmpCommand.of("x-query-balloon-bitmap", arguments -> bitmap()));
  }

  private BalloonControl balloon() throws QmpException {
    return vm.balloon()
        .orElseThrow(
            () ->
                new QmpException(
                    QmpErrorClass.DEVICE_NOT_ACTIVE, "No balloon device has been activated"));
  }

  private JsonNode setTarget(ObjectNode arguments) throws QmpException, VmException {
    BalloonControl balloon = balloon();
    long value = arguments.get("value").longValue();
    if (value <= 0) {
      throw QmpException.generic("Parameter 'value' expects a size");
    }
    balloon.setTarget(value);
    return Json.object();
  }

  private JsonNode query() throws QmpException {
    BalloonControl balloon = balloon();
    return Json.object().put("actual", balloon.actualBytes()).put("x-driver", balloon.hasDriver());
  }

  private JsonNode bitmap() throws QmpException {
    PageBitmap bitmap = balloon().bitmap();
    long[] pagesAndRuns = new long[2];
    bitmap.forEachRun(
        (first, count) -> {
          pagesAndRuns[0] += count;
          pagesAndRuns[1]++;
        });
    return Json.object()
        .put("pages", pagesAndRuns[0])
        .put("runs", pagesAndRuns[1])
        .put("checksum", "%08x".formatted(checksum(bitmap)));
  }

  /** The CRC32C of the bitmap's words, little-endian. */
  private static long checksum(PageBitmap bitmap) {
    MemorySegment words = bitmap.memory().asSlice(0, bitmap.wordCount() * Long.BYTES);
    CRC32C crc = new CRC32C();
    for (long at = 0; at < words.byteSize(); at += CHECKSUM_STEP) {
      crc.update(words.asSlice(at, Math.min(CHECKSUM_STEP, words.byteSize() - at)).asByteBuffer());
    }
    return crc.getValue();
  }
}
