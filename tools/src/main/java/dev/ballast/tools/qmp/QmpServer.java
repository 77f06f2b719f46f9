package dev.ballast.tools.qmp;

import dev.ballast.tools.vm.MigrationCapability;
import dev.ballast.tools.vm.VirtualMachine;
import dev.ballast.tools.vm.VmEvent;
import dev.ballast.vmm.socket.SocketFile;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets clients control a machine over a Unix socket. Several may be connected; none of them can
 * hold up the machine or another client.
 */
public final class QmpServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(QmpServer.class);

  /** How many clients may be connected. */
  static final int MAX_CLIENTS = 32;

  private static final Duration BALLOON_CHANGE_INTERVAL = Duration.ofSeconds(1);

  /** For all clients together: how long a command that was being run may keep the end waiting. */
  private static final Duration ANSWER_LIMIT = Duration.ofSeconds(5);

  /** For all clients together, after that. */
  private static final Duration FLUSH_LIMIT = Duration.ofSeconds(2);

  /** The delay after an accept that failed. */
  private static final Duration ACCEPT_RETRY = Duration.ofMillis(200);

  /** Waits for the next client. */
  @FunctionalInterface
  interface Clients {
    SocketChannel accept() throws IOException;
  }

  private final VirtualMachine vm;
  private final SocketFile socket;
  private final Clients clients;
  private final CommandTable commands;
  private final Set<QmpSession> sessions = ConcurrentHashMap.newKeySet();
  // An event that comes when the timer is shut down already is of interest to nobody.
  private final ScheduledExecutorService timer =
      new ScheduledThreadPoolExecutor(
          1,
          Thread.ofPlatform().daemon().name("qmp-timer").factory(),
          new ThreadPoolExecutor.DiscardPolicy());
  private final Throttle<VmEvent> balloonChanges =
      new Throttle<>(this::broadcast, BALLOON_CHANGE_INTERVAL, timer);
  private final Thread acceptor = Thread.ofPlatform().daemon().name("qmp").unstarted(this::accept);
  private final CountDownLatch closing = new CountDownLatch(1);

  private QmpServer(VirtualMachine vm, SocketFile socket, Clients clients) {
    this.vm = vm;
    this.socket = socket;
    this.clients = clients;
    this.commands = new CommandTable(vm);
  }

  /**
   * Starts to serve.
   *
   * @param vm the machine
   * @param path where to listen; only the owner may connect
   * @throws IOException if the path cannot be used; the message is complete
   */
  public static QmpServer start(VirtualMachine vm, Path path) throws IOException {
    SocketFile socket = SocketFile.listen(path, 0);
    return start(vm, socket, socket.channel()::accept);
  }

  static QmpServer start(VirtualMachine vm, SocketFile socket, Clients clients) {
    QmpServer server = new QmpServer(vm, socket, clients);
    vm.addListener(server::onEvent);
    server.acceptor.start();
    return server;
  }

  private void accept() {
    try {
      while (!isClosing()) {
        try {
          serve(clients.accept());
        } catch (ClosedChannelException e) {
          log.debug("QMP takes no more clients");
          return;
        } catch (IOException | RuntimeException | Error e) {
          // Too few file descriptors, threads or too little memory, most likely: the client, if it
          // still waits, may be served when others have gone.
          complain("QMP cannot take a client: {}", e);
          if (closing.await(ACCEPT_RETRY.toMillis(), TimeUnit.MILLISECONDS)) {
            return;
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Says what went wrong, if there is the memory to say it. */
  private static void complain(String format, Throwable problem) {
    try {
      log.warn(format, problem.toString());
    } catch (OutOfMemoryError e) {
      // The thread goes on, and what it does next may find some.
    }
  }

  private void serve(SocketChannel client) throws IOException {
    if (sessions.size() >= MAX_CLIENTS || isClosing()) {
      log.warn("a QMP client is turned away: {} are connected", sessions.size());
      client.close();
      return;
    }
    ClientChannel channel = ClientChannel.of(client);
    try {
      QmpSession session = new QmpSession(channel, commands, sessions::remove);
      sessions.add(session);
      session.start();
    } catch (RuntimeException | Error e) {
      channel.close();
      throw e;
    }
  }

  private boolean isClosing() {
    return closing.getCount() == 0;
  }

  private void onEvent(VmEvent event) {
    if (isClosing()) {
      return;
    }
    try {
      pass(event);
    } catch (RuntimeException | Error e) {
      // The machine goes on; a client that has missed an event must not rely on the others.
      sessions.forEach(QmpSession::drop);
      complain("QMP clients are dropped, as an event cannot be told: {}", e);
    }
  }

  private void pass(VmEvent event) {
    switch (event) {
      case VmEvent.BalloonChanged _ -> balloonChanges.accept(event);
      case VmEvent.MigrationChanged _, VmEvent.MigrationPass _ -> {
        if (vm.migration().isOn(MigrationCapability.EVENTS)) {
          broadcast(event);
        }
      }
      case VmEvent.Stopped _,
          VmEvent.Resumed _,
          VmEvent.Reset _,
          VmEvent.PoweredDown _,
          VmEvent.ShutDown _,
          VmEvent.GuestPanicked _,
          VmEvent.GuestCrashLoaded _ ->
          broadcast(event);
    }
  }

  private void broadcast(VmEvent event) {
    if (sessions.isEmpty()) {
      // A guest that starts unwatched does not wait for the first use of a JSON library.
      return;
    }
    byte[] line = Json.line(EventJson.of(event, Clock.systemUTC()));
    sessions.forEach(session -> session.offerEvent(line));
  }

  /**
   * Removes the socket, and ends all sessions once the commands that have arrived are answered and
   * what waits for the clients is sent, or soon.
   */
  @Override
  public void close() throws IOException {
    closing.countDown();
    socket.close();
    timer.shutdownNow();
    try {
      acceptor.join();
      sessions.forEach(QmpSession::finish);
      long deadline = System.nanoTime() + ANSWER_LIMIT.toNanos();
      for (QmpSession session : sessions) {
        session.joinReader(until(deadline));
      }
      deadline = System.nanoTime() + FLUSH_LIMIT.toNanos();
      for (QmpSession session : sessions) {
        session.joinWriter(until(deadline));
        session.drop();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static Duration until(long deadline) {
    return Duration.ofNanos(Math.max(1, deadline - System.nanoTime()));
  }
}
