package dev.ballast.tools.cli;

import dev.ballast.virtio.balloon.BalloonConfig;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.ITypeConverter;

/**
 * The value of {@code --balloon}.
 *
 * @param config the device; empty for none
 */
record BalloonOption(Optional<BalloonConfig> config) {
  private static final String MUST_TELL_HOST = "must-tell-host";
  private static final String DEFLATE_ON_OOM = "deflate-on-oom";
  private static final String STATS = "stats";

  /** Lets picocli parse it. */
  static final class Converter implements ITypeConverter<BalloonOption> {
    @Override
    public BalloonOption convert(String value) {
      return switch (value) {
        case "on" -> new BalloonOption(Optional.of(BalloonConfig.DEFAULT));
        case "off" -> new BalloonOption(Optional.empty());
        default -> {
          Map<String, Boolean> defaults = new LinkedHashMap<>();
          defaults.put(MUST_TELL_HOST, BalloonConfig.DEFAULT.mustTellHost());
          defaults.put(DEFLATE_ON_OOM, BalloonConfig.DEFAULT.deflateOnOom());
          defaults.put(STATS, BalloonConfig.DEFAULT.stats());
          Map<String, Boolean> switches = OnOffOptions.parse(value, defaults);
          yield new BalloonOption(
              Optional.of(
                  new BalloonConfig(
                      Boolean.TRUE.equals(switches.get(MUST_TELL_HOST)),
                      Boolean.TRUE.equals(switches.get(DEFLATE_ON_OOM)),
                      Boolean.TRUE.equals(switches.get(STATS)))));
        }
      };
    }
  }
}
