package dev.ballast.tools.vm;

import dev.ballast.migration.channel.CancelledException;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.destination.DestinationParameters;
import dev.ballast.migration.destination.IncomingListener;
import dev.ballast.migration.destination.MigrationDestination;
import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationSource;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.vmm.machine.Machine;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The migrations of one machine: out, one after the other, or in, once. */
final class KvmMigrations implements MigrationControl, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(KvmMigrations.class);

  /** The most connections that were turned away and are logged each. */
  private static final int MAX_WARNINGS = 10;

  private final Machine machine;
  private final Consumer<VmEvent> events;
  private final Consumer<String> incomingFailed;
  private final Map<MigrationCapability, Boolean> capabilities = new ConcurrentHashMap<>();
  private MigrationParameters parameters = MigrationParameters.DEFAULT;
  private @Nullable MigrationSource source;
  private @Nullable MigrationDestination destination;
  private @Nullable Thread receiver;
  private volatile MigrationStatus incomingStatus = MigrationStatus.NONE;
  private boolean closed;

  /**
   * @param machine whose guest moves
   * @param events called with what happens to migrations
   * @param incomingFailed called with the reason, in one line, why the guest did not arrive
   */
  KvmMigrations(Machine machine, Consumer<VmEvent> events, Consumer<String> incomingFailed) {
    this.machine = machine;
    this.events = events;
    this.incomingFailed = incomingFailed;
    for (MigrationCapability capability : MigrationCapability.values()) {
      capabilities.put(capability, capability.initially());
    }
  }

  private static MigrationUri parse(String uri) throws VmException {
    try {
      return MigrationUri.parse(uri);
    } catch (IllegalArgumentException e) {
      throw new VmException(String.valueOf(e.getMessage()), e);
    }
  }

  @Override
  public synchronized void start(String uri) throws VmException {
    if (underWay()) {
      throw new VmException("there is a migration under way already");
    }
    RunState state = machine.runState();
    if (state == RunState.INMIGRATE || state == RunState.POSTMIGRATE) {
      throw new VmException("there is no guest here to migrate: it is " + state.qmpName());
    }
    MigrationParameters how =
        parameters
            .withSkipBalloon(isOn(MigrationCapability.SKIP_BALLOON))
            .withVerify(isOn(MigrationCapability.VERIFY))
            .withMultifd(isOn(MigrationCapability.MULTIFD))
            .withAutoConverge(isOn(MigrationCapability.AUTO_CONVERGE));
    @Nullable MigrationSource before = source;
    boolean started = false;
    try {
      source = new MigrationSource(machine, parse(uri), how, new Reporter());
      source.start();
      started = true;
    } catch (IOException | OutOfMemoryError e) {
      // The error is what Java makes of a thread that the host does not grant.
      throw new VmException("the migration cannot be started: " + e.getMessage(), e);
    } finally {
      if (!started) {
        source = before;
      }
    }
  }

  /** Turns what the source reports into events. */
  private final class Reporter implements MigrationListener {
    @Override
    public void statusChanged(MigrationStatus status) {
      events.accept(new VmEvent.MigrationChanged(status));
    }

    @Override
    public void passStarted(long pass) {
      events.accept(new VmEvent.MigrationPass(pass));
    }
  }

  @Override
  public MigrationUri startIncoming(String uri) throws VmException {
    if (machine.runState() != RunState.INMIGRATE) {
      throw new VmException(
          "the machine does not wait for a guest: start it with --incoming defer");
    }
    MigrationDestination listening;
    try {
      // Not under the lock: a name server may take its time, and a cancel must not wait for it.
      listening = MigrationDestination.listen(parse(uri));
    } catch (IOException e) {
      throw new VmException(String.valueOf(e.getMessage()), e);
    }
    startIncoming(listening);
    return listening.uri();
  }

  private synchronized void startIncoming(MigrationDestination listening) throws VmException {
    if (destination != null || closed) {
      closeQuietly(listening);
      throw new VmException(
          destination == null
              ? "the machine is being closed"
              : "the machine waits for a guest already, at " + destination.uri());
    }
    destination = listening;
    DestinationParameters how =
        new DestinationParameters(
            Duration.ZERO,
            parameters.timeouts().silence(),
            DestinationParameters.DEFAULT.maxProtocolVersion());
    Thread thread =
        Thread.ofPlatform().daemon().name("incoming").unstarted(() -> receive(listening, how));
    incoming(MigrationStatus.SETUP);
    try {
      thread.start();
    } catch (OutOfMemoryError e) {
      incoming(MigrationStatus.FAILED);
      destination = null;
      closeQuietly(listening);
      throw new VmException("the machine cannot wait for a guest: " + e.getMessage(), e);
    }
    receiver = thread;
  }

  private static void closeQuietly(MigrationDestination listening) {
    try (listening) {
      log.debug("{}: given up", listening.uri());
    } catch (IOException e) {
      log.warn("{}: cannot be closed: {}", listening.uri(), e.getMessage());
    }
  }

  private void incoming(MigrationStatus status) {
    incomingStatus = status;
    events.accept(new VmEvent.MigrationChanged(status));
  }

  private void receive(MigrationDestination from, DestinationParameters how) {
    try (from) {
      from.receive(machine, how, new Arrival(from.uri()));
      incoming(MigrationStatus.COMPLETED);
    } catch (CancelledException e) {
      // The machine is being closed.
    } catch (IOException e) {
      didNotArrive(String.valueOf(e.getMessage()));
    } catch (RuntimeException | Error e) {
      log.error("a defect of this program, or of its host, while a guest arrives", e);
      didNotArrive(e.toString());
    }
  }

  /** Turns what the destination reports into events. */
  private final class Arrival implements IncomingListener {
    private final MigrationUri uri;
    private int warnings;

    Arrival(MigrationUri uri) {
      this.uri = uri;
    }

    @Override
    public void started() {
      incoming(MigrationStatus.ACTIVE);
    }

    @Override
    public void turnedAway(String reason) {
      if (incomingStatus == MigrationStatus.ACTIVE) {
        incoming(MigrationStatus.SETUP);
      }
      // A health check comes again and again, and what a stranger says is the stranger's choice.
      if (warnings < MAX_WARNINGS) {
        warnings++;
        log.warn("{}: a connection was turned away: {}; still waiting for a guest", uri, reason);
      } else {
        log.debug("{}: a connection was turned away: {}", uri, reason);
      }
    }
  }

  /** A guest that is here stays, whatever went wrong after it came. */
  private void didNotArrive(String reason) {
    if (machine.runState() != RunState.INMIGRATE) {
      incoming(MigrationStatus.COMPLETED);
      return;
    }
    incoming(MigrationStatus.FAILED);
    incomingFailed.accept("the guest did not arrive: " + reason);
  }

  @Override
  public boolean isOn(MigrationCapability capability) {
    return Boolean.TRUE.equals(capabilities.get(capability));
  }

  private boolean underWay() {
    return source != null && !source.progress().status().isFinal();
  }

  @Override
  public synchronized void cancel() throws VmException {
    if (source != null && !source.cancel()) {
      throw new VmException(
          "it is too late to cancel the migration: the guest is being handed over");
    }
  }

  @Override
  public synchronized MigrationProgress progress() {
    if (source == null) {
      return MigrationProgress.IDLE.with(incomingStatus);
    }
    MigrationProgress progress = source.progress();
    // A source that was started, and whose thread has not begun yet, is being set up.
    return progress.status() == MigrationStatus.NONE
        ? progress.with(MigrationStatus.SETUP)
        : progress;
  }

  @Override
  public synchronized Optional<MigrationUri> listening() {
    return source == null && incomingStatus.underWay()
        ? Optional.ofNullable(destination).map(MigrationDestination::uri)
        : Optional.empty();
  }

  @Override
  public Map<MigrationCapability, Boolean> capabilities() {
    return new EnumMap<>(capabilities);
  }

  @Override
  public synchronized void setCapabilities(Map<MigrationCapability, Boolean> changes)
      throws VmException {
    if (underWay()) {
      throw new VmException("capabilities cannot change while a migration is under way");
    }
    capabilities.putAll(changes);
  }

  @Override
  public synchronized MigrationParameters parameters() {
    return parameters;
  }

  @Override
  public synchronized void setParameters(MigrationParameters next) {
    parameters = next;
    if (source != null) {
      source.limits(next.limits().bandwidth(), next.limits().downtime());
    }
  }

  /** Gives up what is under way and waits until its threads are gone. */
  @Override
  public void close() {
    @Nullable MigrationSource outgoing;
    @Nullable Thread incoming;
    synchronized (this) {
      closed = true;
      outgoing = source;
      incoming = receiver;
      if (source != null) {
        source.abandon();
      }
      if (destination != null) {
        destination.cancel();
      }
    }
    try {
      if (outgoing != null) {
        outgoing.await();
      }
      if (incoming != null && incoming != Thread.currentThread()) {
        incoming.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
