package dev.ballast.vmm.socket;

import java.net.SocketException;

/** A process listens, but as many clients wait already as its backlog allows (EAGAIN). */
public final class QueueFullException extends SocketException {
  private static final long serialVersionUID = 1L;

  QueueFullException(SocketException cause) {
    super("too many clients wait to be accepted");
    initCause(cause);
  }
}
