package dev.ballast.migration;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.ballast.migration.destination.MigrationDestination;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.MigrationConfig;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.migration.testing.Frames;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.RawPeer;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.cpuid.CpuFeatureWord;
import dev.ballast.vmm.machine.MachineDescription;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What a destination holds at a time besides the guest, whatever it is sent: {@code PROTOCOL.md},
 * limits. Every byte that the receiving thread allocates is counted, garbage or not.
 */
@Timeout(120)
class MemoryBoundTest {
  private static final long MIB = 4;

  private static final long PAYLOAD = FrameType.STATE_SECTION.maxPayload();

  /** As it came, the state in it, and what a device makes of that. */
  private static final long SECTION_BOUND = 3 * PAYLOAD;

  /** The most that all sections may have. */
  private static final long STATE_BOUND = 2 * PAYLOAD;

  /** A payload of 1 MiB, the names in it, and the message that says what is wrong with them. */
  private static final long CONFIG_BOUND = 16 << 20;

  /** Everything else: buffers of a connection, and small payloads that come in great numbers. */
  private static final long BASE_BOUND = 2 << 20;

  private static ThreadMXBean threads;

  @BeforeAll
  static void countsAllocations() throws Exception {
    threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    assertThat(threads.isThreadAllocatedMemoryEnabled()).isTrue();
    // Classes are loaded and constants made before anything is counted.
    receive(List.of(hello()));
    receive(inState(List.of()));
  }

  /**
   * What a try cost the receiving side.
   *
   * @param heapBytes allocated by the receiving thread, in all
   * @param directBytes that direct buffers took at the end more than before
   * @param failure why it ended
   */
  private record Cost(long heapBytes, long directBytes, String failure) {}

  private static long directBytes() {
    return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
        .mapToLong(BufferPoolMXBean::getMemoryUsed)
        .sum();
  }

  /** Receives on a thread of its own, so that all it allocated is counted and nothing is left. */
  private static Cost receive(List<byte[]> frames) throws Exception {
    try (TestMachine machine = TestMachine.waiting(MIB)) {
      return receive(machine, frames);
    }
  }

  private static Cost receive(TestMachine machine, List<byte[]> frames) throws Exception {
    CompletableFuture<Cost> cost = new CompletableFuture<>();
    Thread receiver =
        Thread.ofPlatform()
            .unstarted(() -> cost.completeAsync(() -> count(machine, frames), Runnable::run));
    receiver.start();
    receiver.join();
    return cost.join();
  }

  private static Cost count(TestMachine machine, List<byte[]> frames) {
    try (MigrationDestination destination = Hop.listen();
        RawPeer peer = RawPeer.send(destination.uri(), frames)) {
      assertThat(peer).isNotNull();
      String failure = "";
      long directBefore = directBytes();
      long before = threads.getCurrentThreadAllocatedBytes();
      try {
        Hop.receiveOnce(destination, machine, Hop.DESTINATION);
      } catch (IOException e) {
        failure = String.valueOf(e.getMessage());
      }
      long heap = threads.getCurrentThreadAllocatedBytes() - before;
      return new Cost(heap, directBytes() - directBefore, failure);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] hello() {
    return Frames.of(FrameType.HELLO, new Messages.Hello(1, Protocol.MAX_VERSION).encode());
  }

  private static byte[] config(MachineDescription machine, PageCompression compression) {
    List<MigrationConfig.Block> blocks =
        List.of(
            new MigrationConfig.Block(RamBlock.RAM, MIB << 20),
            new MigrationConfig.Block(RamBlock.BALLOON_BITMAP, RamBlock.PAGE_SIZE));
    MigrationConfig config =
        new MigrationConfig(machine, blocks, false, StreamSetup.NONE, compression);
    return Frames.of(FrameType.CONFIG, config.encode(Protocol.MAX_VERSION));
  }

  private static List<byte[]> inRam(List<byte[]> then) {
    return inRam(PageCompression.NONE, then);
  }

  private static List<byte[]> inRam(PageCompression compression, List<byte[]> then) {
    List<byte[]> frames = new ArrayList<>();
    frames.add(hello());
    try (TestMachine machine = TestMachine.waiting(MIB)) {
      frames.add(config(machine.description(), compression));
    }
    frames.addAll(then);
    return frames;
  }

  private static List<byte[]> inState(List<byte[]> then) {
    List<byte[]> frames = inRam(List.of());
    frames.add(Frames.of(FrameType.PASS_END.code(), Protocol.FLAG_FINAL, 0, 1, 0, new byte[0]));
    frames.addAll(then);
    return frames;
  }

  private static void assertBounded(Cost cost, long heapBytes, long directBytes) {
    assertThat(cost.heapBytes()).as("heap: %s", cost.failure()).isLessThan(heapBytes);
    assertThat(cost.directBytes()).as("direct: %s", cost.failure()).isLessThan(directBytes);
  }

  @Test
  void theLongestPayloadOfATypeThatIsNotDueIsNotEvenRead() throws Exception {
    for (FrameType type : FrameType.values()) {
      if (type != FrameType.HELLO && type != FrameType.ERROR) {
        Cost cost = receive(List.of(Frames.of(type, new byte[type.maxPayload()])));
        assertThat(cost.failure()).isNotBlank();
        assertBounded(cost, BASE_BOUND, BASE_BOUND);
      }
    }
  }

  @Test
  void pagesGoIntoTheGuestAndNowhereElse() throws Exception {
    int pages = Protocol.MAX_RUN_PAGES;
    byte[] payload = new byte[pages * (Integer.BYTES + RamBlock.PAGE_SIZE)];
    byte[] run = Frames.of(FrameType.RAM_PAGES.code(), 3, 0, 0, pages, payload);
    byte[] zeros = Frames.of(FrameType.ZERO_PAGES.code(), 0, 0, 0, MIB << 8, new byte[0]);
    List<byte[]> frames = new ArrayList<>(Collections.nCopies(100, run));
    frames.addAll(Collections.nCopies(1000, zeros));
    Cost cost = receive(inRam(frames));
    assertThat(cost.failure()).contains("closed the connection");
    assertBounded(cost, BASE_BOUND, BASE_BOUND);
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void compressedPagesGoIntoTheGuestAndNowhereElse(PageCompression compression) throws Exception {
    byte[] run =
        Frames.compressed(
            compression, 0, new byte[Protocol.MAX_COMPRESSED_PAGES * RamBlock.PAGE_SIZE]);
    byte[] longest = new byte[Protocol.MAX_COMPRESSED_PAGES * RamBlock.PAGE_SIZE - 1];
    byte[] last =
        Frames.of(
            FrameType.RAM_PAGES.code(),
            Protocol.FLAG_COMPRESSED | Protocol.FLAG_PAYLOAD_CHECKSUM,
            0,
            0,
            Protocol.MAX_COMPRESSED_PAGES,
            longest);
    List<byte[]> frames = new ArrayList<>(Collections.nCopies(1000, run));
    frames.add(last);
    Cost cost = receive(inRam(compression, frames));
    assertThat(cost.failure()).startsWith("RAM_PAGES: ");
    assertBounded(cost, BASE_BOUND, BASE_BOUND);
  }

  @Test
  void aBitmapFrameCostsItsPayloadAndNoMore() throws Exception {
    int words = (int) (MIB << 8) / 64;
    ByteBuffer group = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
    byte[] once = group.putInt(0, 0).putInt(4, words << 1 | 1).putLong(8, -1).array();
    // Valid to the last word, and then as long as a frame may be.
    byte[] payload = Arrays.copyOf(once, FrameType.BITMAP.maxPayload());
    byte[] whole = Frames.of(FrameType.BITMAP.code(), 1, 1, 0, words, once);
    byte[] last = Frames.of(FrameType.BITMAP.code(), 1, 1, 0, words, payload);
    List<byte[]> frames = new ArrayList<>(Collections.nCopies(1000, whole));
    frames.add(last);
    Cost cost = receive(inRam(frames));
    assertThat(cost.failure()).startsWith("BITMAP: ");
    assertBounded(cost, BASE_BOUND, BASE_BOUND);
  }

  private static MachineDescription description(
      TestMachine machine, List<String> devices, int entries, String register) {
    return new MachineDescription(
        MIB << 20,
        RamBlock.PAGE_SIZE,
        1,
        devices,
        Collections.nCopies(entries, new CpuFeatureWord(-1, -1, register, 0)),
        Collections.nCopies(entries, machine.description().layout().getFirst()),
        Collections.nCopies(entries, new MachineDescription.DeviceFeatures(register, 0)));
  }

  @Test
  void aConfigurationOfTheLongestListsAndNamesStaysSmall() throws Exception {
    try (TestMachine machine = TestMachine.waiting(MIB)) {
      List<String> devices = machine.description().devices();
      String name = "x".repeat(256);
      for (MachineDescription huge :
          List.of(
              description(machine, Collections.nCopies(4000, name), 1, ""),
              description(machine, Collections.nCopies(4096, ""), 4096, ""),
              description(machine, devices, 1500, name))) {
        Cost cost = receive(List.of(hello(), config(huge, PageCompression.NONE)));
        assertThat(cost.failure()).contains("source has");
        assertBounded(cost, CONFIG_BOUND, BASE_BOUND);
      }
    }
  }

  @Test
  void aStateSectionCostsThreeTimesTheLongestPayloadAtMost() throws Exception {
    byte[] most = new byte[FrameType.STATE_SECTION.maxPayload() - 64];
    for (String name : List.of("counter", "filler", "unknown")) {
      byte[] section =
          Frames.of(FrameType.STATE_SECTION, new Messages.StateSection(name, 1, most).encode());
      byte[] end = Frames.of(FrameType.STATE_END, new Messages.StateEnd(RunState.RUNNING).encode());
      Cost cost = receive(inState(List.of(section, end)));
      assertThat(cost.failure()).isNotBlank().doesNotContain("closed");
      assertBounded(cost, SECTION_BOUND + BASE_BOUND, BASE_BOUND);
    }
  }

  @Test
  void whatIsHeldUntilAllIsThereHasALimit() throws Exception {
    byte[] most = new byte[FrameType.STATE_SECTION.maxPayload() - 64];
    List<byte[]> frames = new ArrayList<>();
    List<Snapshottable> parts = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      parts.add(new TestMachine.Filler("filler" + i, 1));
      frames.add(
          Frames.of(
              FrameType.STATE_SECTION, new Messages.StateSection("filler" + i, 1, most).encode()));
    }
    try (TestMachine machine = TestMachine.waiting(MIB)) {
      machine.sections(parts);
      Cost cost = receive(machine, inState(frames));
      assertThat(cost.failure()).contains("all sections together have more than");
      assertBounded(cost, 2 * STATE_BOUND + BASE_BOUND, BASE_BOUND);
    }
  }

  /** Looks, when it is loaded, at how much of the heap is in use. */
  private static final class Scales implements Snapshottable {
    long used;

    @Override
    public String stateName() {
      return "scales";
    }

    @Override
    public int stateVersion() {
      return 1;
    }

    @Override
    public void saveState(StateWriter writer) {
      writer.bool(true);
    }

    @Override
    public void loadState(StateReader reader, int version) throws IOException {
      assertThat(reader.bool()).isTrue();
      used = usedHeap();
    }
  }

  private static long usedHeap() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  @Test
  void noMoreThanTheSectionsIsHeldWhileTheyAreLoaded() throws Exception {
    int most = FrameType.STATE_SECTION.maxPayload() / 2 - 64;
    List<byte[]> frames = new ArrayList<>();
    List<Snapshottable> parts = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      String name = "filler" + i;
      parts.add(new TestMachine.Filler(name, most - Integer.BYTES));
      StateWriter state = new StateWriter();
      parts.getLast().saveState(state);
      frames.add(
          Frames.of(
              FrameType.STATE_SECTION,
              new Messages.StateSection(name, 1, state.toByteArray()).encode()));
    }
    Scales scales = new Scales();
    parts.add(scales);
    frames.add(
        Frames.of(
            FrameType.STATE_SECTION,
            new Messages.StateSection("scales", 1, new byte[] {1}).encode()));
    frames.add(Frames.of(FrameType.STATE_END, new Messages.StateEnd(RunState.RUNNING).encode()));
    try (TestMachine machine = TestMachine.waiting(MIB)) {
      machine.sections(parts);
      List<byte[]> stream = inState(frames);
      long before = usedHeap();
      Cost cost = receive(machine, stream);
      assertThat(cost.failure()).contains("closed the connection");
      // The heap is all tests' of this process: half as much again is still not twice.
      assertThat(scales.used - before).isLessThan(STATE_BOUND / 2 * 3);
      // Three times: what the machine has before is saved and loaded to try it out.
      assertBounded(cost, 3 * 4 * SECTION_BOUND + BASE_BOUND, BASE_BOUND);
    }
  }
}
