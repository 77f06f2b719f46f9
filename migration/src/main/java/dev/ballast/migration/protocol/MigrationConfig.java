package dev.ballast.migration.protocol;

import dev.ballast.vmm.machine.MachineDescription;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * {@link FrameType#CONFIG}: the machine that migrates, and how.
 *
 * @param machine what the machine is
 * @param blocks the RAM blocks; their place in the list is their number in frame headers
 * @param verify whether {@link FrameType#VERIFY} frames come before the state
 * @param streams the additional connections, from version 3 on
 * @param compression how pages may be compressed, from version 4 on
 */
public record MigrationConfig(
    MachineDescription machine,
    List<Block> blocks,
    boolean verify,
    StreamSetup streams,
    PageCompression compression) {
  private static final int MAX_BLOCKS = 64;

  /**
   * A RAM block.
   *
   * @param name its name
   * @param size in bytes; 0 if the source has the block but does not send it
   */
  public record Block(String name, long size) {}

  /** Takes an immutable copy of the list. */
  public MigrationConfig {
    blocks = List.copyOf(blocks);
  }

  /** Creates a configuration without compression. */
  public MigrationConfig(
      MachineDescription machine, List<Block> blocks, boolean verify, StreamSetup streams) {
    this(machine, blocks, verify, streams, PageCompression.NONE);
  }

  /** Returns the announced size of a block in bytes; empty if there is no such block. */
  public Optional<Long> sizeOf(String name) {
    return blocks.stream().filter(b -> b.name.equals(name)).map(Block::size).findFirst();
  }

  /**
   * Returns the payload.
   *
   * @param version of the protocol
   */
  public byte[] encode(int version) {
    StateWriter writer = new StateWriter();
    MachineFields.write(machine, writer);
    writer.u32(blocks.size());
    blocks.forEach(block -> writer.string(block.name).u64(block.size));
    writer.bool(verify);
    if (version >= Protocol.VERSION_3) {
      MachineFields.writeOffers(machine, writer);
      streams.write(writer);
    }
    if (version >= Protocol.VERSION_4) {
      writer.u32(compression.code());
    }
    if (version >= Protocol.VERSION_5) {
      MachineFields.writeTsc(machine, writer);
    }
    if (version >= Protocol.VERSION_6) {
      CpuFields.write(machine.cpu(), writer);
    }
    return writer.toByteArray();
  }

  /**
   * Reads a payload.
   *
   * @param version of the protocol
   */
  public static MigrationConfig decode(byte[] payload, int version) throws IOException {
    StateReader reader = new StateReader("CONFIG", payload);
    MachineDescription machine = MachineFields.read(reader);
    List<Block> blocks = new ArrayList<>();
    for (int i = reader.u32("RAM block count", 1, MAX_BLOCKS); i > 0; i--) {
      Block block = new Block(Messages.printableName(reader), reader.u64());
      if (blocks.stream().anyMatch(other -> other.name.equals(block.name))) {
        throw new ProtocolException("CONFIG: RAM block '" + block.name + "' twice");
      }
      blocks.add(block);
    }
    boolean verify = reader.bool();
    StreamSetup streams = StreamSetup.NONE;
    if (version >= Protocol.VERSION_3) {
      machine = MachineFields.readOffers(machine, reader);
      streams = StreamSetup.read(reader);
    }
    PageCompression compression = PageCompression.NONE;
    if (version >= Protocol.VERSION_4) {
      int most = PageCompression.values().length - 1;
      compression = PageCompression.of(reader.u32("compression", 0, most));
    }
    if (version >= Protocol.VERSION_5) {
      machine = MachineFields.readTsc(machine, reader);
    }
    if (version >= Protocol.VERSION_6) {
      machine = machine.withCpu(CpuFields.read(reader));
    }
    reader.end();
    return new MigrationConfig(machine, blocks, verify, streams, compression);
  }
}
