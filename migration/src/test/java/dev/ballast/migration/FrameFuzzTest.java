package dev.ballast.migration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.ffi.kvm.CpuidTable;
import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.destination.DestinationParameters;
import dev.ballast.migration.destination.IncomingResult;
import dev.ballast.migration.destination.MigrationDestination;
import dev.ballast.migration.protocol.BitmapDelta;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.MigrationConfig;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.migration.testing.Frames;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.PageBitmap;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A seeded fuzzer over all that a destination reads: real streams whose fields are mutated and
 * whose checksums are made right again, so that what is behind the checksums is reached. Nothing
 * but an {@link IOException} comes out, and the guest runs only when the stream was whole.
 */
@Timeout(120)
class FrameFuzzTest {
  private static final long SEED = 4711;
  private static final int STREAMS = 450;
  private static final int PAYLOADS = 20_000;
  private static final long MIB = 4;

  /** What numbers are replaced with: edges of every width. */
  private static final long[] EDGES = {
    0,
    1,
    -1,
    2,
    3,
    64,
    512,
    513,
    1023,
    1024,
    1025,
    4095,
    4096,
    0x7fff_ffffL,
    0x8000_0000L,
    0xffff_ffffL,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    Long.MAX_VALUE - 4095,
    1L << 52,
    1L << 62
  };

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = FrameFuzzTest.class.getResourceAsStream(name)) {
      return Objects.requireNonNull(in, name).readAllBytes();
    }
  }

  /** Streams that arrive whole: of version 1, and with pages compressed. */
  private static List<List<byte[]>> recordedStreams() throws IOException {
    String seeds = "fuzz/DestinationFuzzTestInputs/stream/";
    return List.of(
        Frames.split(resource("version1.stream")),
        Frames.ofScript(resource(seeds + "whole-lz4")),
        Frames.ofScript(resource(seeds + "whole-zstd")));
  }

  /** Returns what one of these arrives at. */
  private static TestMachine machine(int which) {
    if (which == 0) {
      return TestMachine.waiting(MIB);
    }
    TestMachine machine = TestMachine.waiting(2);
    machine.sections(
        List.of(machine.stateSections().getFirst(), new TestMachine.Filler("filler", 8)));
    return machine;
  }

  /** Changes bytes, numbers or the length of a piece of a buffer. */
  private static byte[] mutate(byte[] bytes, int from, SplittableRandom random) {
    byte[] changed = bytes.clone();
    int room = changed.length - from;
    for (int n = 1 + random.nextInt(3); n > 0 && room > 0; n--) {
      int at = from + random.nextInt(room);
      int kind = random.nextInt(4);
      if (kind == 0) {
        changed[at] ^= (byte) (1 << random.nextInt(8));
      } else if (kind == 1) {
        changed[at] = (byte) random.nextInt();
      } else if (kind == 2 && at + Integer.BYTES <= changed.length) {
        ByteBuffer.wrap(changed)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(at, (int) EDGES[random.nextInt(EDGES.length)]);
      } else if (at + Long.BYTES <= changed.length) {
        ByteBuffer.wrap(changed)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(at, EDGES[random.nextInt(EDGES.length)]);
      }
    }
    return random.nextInt(6) == 0
        ? Arrays.copyOf(changed, Math.max(from, changed.length - random.nextInt(1 + room)))
        : changed;
  }

  /** Drops, repeats, swaps or mutates frames. */
  private static List<byte[]> mutate(List<byte[]> frames, SplittableRandom random) {
    List<byte[]> changed = new ArrayList<>(frames);
    for (int n = 1 + random.nextInt(2); n > 0; n--) {
      int at = random.nextInt(changed.size());
      byte[] frame = changed.get(at);
      switch (random.nextInt(8)) {
        case 0 -> changed.remove(at);
        case 1 -> changed.add(at, frame);
        case 2 -> changed.add(random.nextInt(changed.size()), changed.remove(at));
        case 3, 4, 5 -> {
          // Numbers of the header: type, flags, block, page, pages, length.
          int field = new int[] {4, 6, 8, 16, 24, 32}[random.nextInt(6)];
          byte[] header = frame.clone();
          ByteBuffer fields = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN);
          long value = EDGES[random.nextInt(EDGES.length)];
          switch (field) {
            case 4, 6 -> fields.putShort(field, (short) random.nextInt(20));
            case 8, 32 -> fields.putInt(field, (int) value);
            default -> fields.putLong(field, value);
          }
          changed.set(at, Frames.seal(header, false));
        }
        default -> changed.set(at, Frames.seal(mutate(frame, Protocol.HEADER_BYTES, random), true));
      }
    }
    return changed;
  }

  @Test
  void mutatedStreamsEndInOnePlainFailureOrArriveWhole() throws Exception {
    System.out.println("FrameFuzzTest.streams seed " + SEED);
    List<List<byte[]>> recorded = recordedStreams();
    DestinationParameters parameters =
        new DestinationParameters(
            Duration.ofSeconds(5), Duration.ofSeconds(20), Protocol.MAX_VERSION);
    int failed = 0;
    for (int i = 0; i < STREAMS; i++) {
      SplittableRandom random = new SplittableRandom(SEED + i);
      int which = i % recorded.size();
      List<byte[]> stream = mutate(recorded.get(which), random);
      try (TestMachine machine = machine(which);
          MigrationDestination destination = Hop.listen();
          MigrationChannel channel = MigrationChannel.open(destination.uri())) {
        CompletableFuture<IncomingResult> received = Hop.receive(destination, machine, parameters);
        channel.connect(Duration.ofSeconds(5));
        send(channel, stream);
        // An unchecked exception would come out here.
        Hop hop = Hop.of(dev.ballast.migration.source.MigrationProgress.IDLE, received);
        assertThat(machine.runState())
            .as("stream %d", i)
            .isEqualTo(hop.failure() == null ? RunState.RUNNING : RunState.INMIGRATE);
        if (hop.failure() != null) {
          assertThat(hop.failure().getMessage()).as("stream %d", i).isNotBlank().hasLineCount(1);
          failed++;
        }
      }
    }
    assertThat(failed).as("streams that were refused").isGreaterThan(STREAMS / 2);
  }

  private static void send(MigrationChannel channel, List<byte[]> frames) {
    try {
      for (byte[] frame : frames) {
        channel.write(ByteBuffer.wrap(frame));
      }
    } catch (IOException _) {
      // The destination has said no and closed: what it made of the rest is of no interest.
      channel.cancel();
    } finally {
      channel.writeLast(ByteBuffer.allocate(0));
    }
  }

  /** One reader of a payload. */
  @FunctionalInterface
  private interface Decoder {
    void decode(byte[] payload) throws IOException;
  }

  @Test
  void mutatedPayloadsAreReadOrRefused() throws Exception {
    System.out.println("FrameFuzzTest.payloads seed " + SEED);
    PageBitmap bitmap = PageBitmap.allocate(1000);
    MigrationConfig config;
    try (TestMachine machine = TestMachine.waiting(MIB)) {
      machine.cpu(
          new CpuProfile(
              new CpuidTable(List.of(new CpuidTable.Entry(0xd, 2, 1, 0x100, 0x240, 0, 0))),
              List.of(0x10, 0xc0000081),
              Map.of(0x10a, -1L),
              Map.of("XSAVE", 4096)));
      config =
          new MigrationConfig(
              machine.description(),
              List.of(new MigrationConfig.Block("ram", MIB << 20)),
              true,
              StreamSetup.NONE);
    }
    Messages.Hello hello = new Messages.Hello(1, 3);
    List<byte[]> seeds =
        List.of(
            hello.encode(),
            new Messages.HelloReply(2).encode(),
            config.encode(1),
            config.encode(3),
            config.encode(4),
            config.encode(5),
            config.encode(6),
            new Messages.StateSection("serial0", 1, new byte[40]).encode(),
            new Messages.StateEnd(RunState.PAUSED).encode(),
            new Messages.Failure("no more memory").encode(),
            new byte[] {3, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5, 4, 3, 2});
    List<Decoder> decoders =
        List.of(
            Messages.Hello::decode,
            payload -> Messages.HelloReply.decode(payload, hello),
            payload -> MigrationConfig.decode(payload, 1),
            payload -> MigrationConfig.decode(payload, 3),
            payload -> MigrationConfig.decode(payload, 4),
            payload -> MigrationConfig.decode(payload, 5),
            payload -> MigrationConfig.decode(payload, 6),
            Messages.StateSection::decode,
            Messages.StateEnd::decode,
            Messages.Failure::decode,
            payload ->
                BitmapDelta.apply(
                    ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN), 0, 5, bitmap));
    int refused = 0;
    for (int i = 0; i < PAYLOADS; i++) {
      SplittableRandom random = new SplittableRandom(SEED + i);
      int which = random.nextInt(decoders.size());
      byte[] payload = mutate(seeds.get(which), 0, random);
      try {
        decoders.get(which).decode(payload);
      } catch (IOException e) {
        assertThat(e.getMessage()).as("payload %d", i).isNotBlank();
        refused++;
      }
    }
    assertThat(refused).as("payloads that were refused").isGreaterThan(PAYLOADS / 4);
  }
}
