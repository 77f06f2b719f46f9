package dev.ballast.migration.destination;

import dev.ballast.migration.protocol.Protocol;
import java.time.Duration;

/**
 * The parameters of an incoming migration.
 *
 * @param acceptTimeout how long to wait for a source; zero is for ever
 * @param silenceTimeout how long the source may send nothing
 * @param maxProtocolVersion the newest protocol version to accept
 * @param introductionTimeout how long a connection may take to send its first frames, including the
 *     machine's description; it is dropped then, however much it has sent
 */
public record DestinationParameters(
    Duration acceptTimeout,
    Duration silenceTimeout,
    int maxProtocolVersion,
    Duration introductionTimeout) {
  /** Waits for a source as long as it takes; 30 s of silence end a migration. */
  public static final DestinationParameters DEFAULT =
      new DestinationParameters(Duration.ZERO, Duration.ofSeconds(30), Protocol.MAX_VERSION);

  /** Creates parameters with ten seconds for an introduction. */
  public DestinationParameters(
      Duration acceptTimeout, Duration silenceTimeout, int maxProtocolVersion) {
    this(acceptTimeout, silenceTimeout, maxProtocolVersion, Duration.ofSeconds(10));
  }
}
