package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.qmp.ArgumentType.Any;
import dev.ballast.tools.qmp.ArgumentType.Argument;
import dev.ballast.tools.qmp.ArgumentType.Int;
import dev.ballast.tools.qmp.ArgumentType.Str;
import dev.ballast.tools.vm.BalloonControl;
import dev.ballast.tools.vm.VirtualMachine;
import dev.ballast.tools.vm.VmException;
import dev.ballast.virtio.balloon.BalloonStatistics;
import dev.ballast.virtio.balloon.MemoryReport;
import dev.ballast.virtio.balloon.MemoryStatistic;
import java.math.BigInteger;
import java.util.List;
import java.util.Locale;

/**
 * Properties of devices, named as in QEMU's object model. There is one device with properties, the
 * balloon at {@value #BALLOON}, if it offers the guest's reports of its memory:
 *
 * <ul>
 *   <li>{@code guest-stats-polling-interval}: the seconds between two questions to the guest, 0 for
 *       never; may be set
 *   <li>{@code guest-stats}: the last report, {@code stats} by name, 2^64 - 1 where the guest has
 *       not told, and {@code last-update} in seconds since 1970, 0 when there was none
 * </ul>
 */
record QomCommands(VirtualMachine vm) {
  private static final String BALLOON = "/machine/peripheral/balloon0";
  private static final String BALLOON_ID = "balloon0";
  private static final String BALLOON_TYPE = "virtio-balloon-device";
  private static final String INTERVAL = "guest-stats-polling-interval";
  private static final String STATS = "guest-stats";
  private static final BigInteger NOT_TOLD = unsigned(-1);
  private static final Argument PATH = Argument.required("path", new Str());
  private static final Argument PROPERTY = Argument.required("property", new Str());

  List<QmpCommand> commands() {
    return List.of(
        QmpCommand.of("qom-get", this::get, PATH, PROPERTY),
        QmpCommand.action(
            "qom-set", this::set, PATH, PROPERTY, Argument.required("value", new Any())));
  }

  private JsonNode get(ObjectNode arguments) throws QmpException {
    BalloonControl balloon = find(arguments);
    return property(arguments).equals(STATS)
        ? json(balloon.memoryReport().orElse(MemoryReport.NONE))
        : Json.object().numberNode(balloon.reportInterval());
  }

  private JsonNode set(ObjectNode arguments) throws QmpException, VmException {
    BalloonControl balloon = find(arguments);
    if (!property(arguments).equals(INTERVAL)) {
      throw QmpException.generic(
          "Property '" + BALLOON_TYPE + "." + property(arguments) + "' is not writable");
    }
    JsonNode value = arguments.get("value");
    new Int(Long.MIN_VALUE, Long.MAX_VALUE).check(INTERVAL, value);
    long seconds = value.longValue();
    if (seconds < 0) {
      throw QmpException.generic("timer value must be greater than zero");
    }
    if (seconds > BalloonStatistics.MAX_INTERVAL) {
      throw QmpException.generic("timer value is too big");
    }
    balloon.setReportInterval(seconds);
    return Json.object();
  }

  /** Returns the device that has the named property. */
  private BalloonControl find(ObjectNode arguments) throws QmpException {
    String path = arguments.get("path").textValue();
    if (vm.balloon().isEmpty() || !(path.equals(BALLOON) || path.equals(BALLOON_ID))) {
      throw new QmpException(QmpErrorClass.DEVICE_NOT_FOUND, "Device '" + path + "' not found");
    }
    String property = property(arguments);
    return vm.balloon()
        .filter(balloon -> balloon.memoryReport().isPresent())
        .filter(_ -> property.equals(INTERVAL) || property.equals(STATS))
        .orElseThrow(
            () ->
                QmpException.generic("Property '" + BALLOON_TYPE + "." + property + "' not found"));
  }

  private static String property(ObjectNode arguments) {
    return arguments.get("property").textValue();
  }

  private static JsonNode json(MemoryReport report) {
    ObjectNode result = Json.object();
    ObjectNode stats = result.putObject("stats");
    for (MemoryStatistic statistic : MemoryStatistic.values()) {
      stats.put(
          "stat-" + statistic.name().toLowerCase(Locale.ROOT).replace('_', '-'),
          report.value(statistic).stream()
              .mapToObj(QomCommands::unsigned)
              .findFirst()
              .orElse(NOT_TOLD));
    }
    return result.put("last-update", report.arrived().getEpochSecond());
  }

  private static BigInteger unsigned(long value) {
    return new BigInteger(Long.toUnsignedString(value));
  }
}
