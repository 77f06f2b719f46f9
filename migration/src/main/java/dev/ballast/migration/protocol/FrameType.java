package dev.ballast.migration.protocol;

import dev.ballast.vmm.memory.RamBlock;
import org.jspecify.annotations.Nullable;

/** The kinds of frames. */
public enum FrameType {
  /** Source: the protocol versions that it speaks; {@link Messages.Hello}. */
  HELLO(1, 64),
  /** Destination: the version that it chose; {@link Messages.HelloReply}. */
  HELLO_REPLY(2, 64),
  /** Source: what the machine is; {@link MigrationConfig}. */
  CONFIG(3, 1 << 20),
  /** Destination: the machine fits. No payload. */
  CONFIG_REPLY(4, 0),
  /** Source: the content of consecutive pages. */
  RAM_PAGES(5, Protocol.MAX_RUN_PAGES * (RamBlock.PAGE_SIZE + Integer.BYTES)),
  /** Source: consecutive pages are zero now, some of which were sent before. No payload. */
  ZERO_PAGES(6, 0),
  /** Source: changed words of the balloon bitmap; {@link BitmapDelta}. */
  BITMAP(7, 64 << 10),
  /** Source: a pass is over; the header's page is its number, from 1 on. No payload. */
  PASS_END(8, 0),
  /** Source: digests of consecutive {@link Protocol#DIGEST_PAGES}; 64 bits each. */
  VERIFY(9, 64 << 10),
  /** Source: the state of one device or vCPU; {@link Messages.StateSection}. */
  STATE_SECTION(10, 16 << 20),
  /** Source: all state was sent; {@link Messages.StateEnd}. */
  STATE_END(11, 256),
  /** Destination: everything is loaded. No payload. */
  READY(12, 0),
  /** Source: the guest is the destination's from now on. No payload. */
  COMMIT(13, 0),
  /** Destination: the guest runs, or stays stopped as it was. No payload. */
  RUNNING(14, 0),
  /** Either: gives up; {@link Messages.Failure}. */
  ERROR(15, 4096),
  /** Source: the user cancelled. No payload. */
  CANCEL(16, 0),
  /** Either: still alive, with nothing else to send. No payload. */
  KEEPALIVE(17, 0),
  /** Source: which migration an additional connection belongs to; {@link StreamSetup.Greeting}. */
  STREAM(18, 64);

  private static final @Nullable FrameType[] BY_CODE = new FrameType[19];

  static {
    for (FrameType type : values()) {
      BY_CODE[type.code] = type;
    }
  }

  private final int code;
  private final int maxPayload;

  FrameType(int code, int maxPayload) {
    this.code = code;
    this.maxPayload = maxPayload;
  }

  /** Returns the number on the wire. */
  public int code() {
    return code;
  }

  /** Returns the maximum length of the payload in bytes. */
  public int maxPayload() {
    return maxPayload;
  }

  /** Returns the type with a number, or null. */
  static @Nullable FrameType of(int code) {
    return code < BY_CODE.length ? BY_CODE[code] : null;
  }
}
