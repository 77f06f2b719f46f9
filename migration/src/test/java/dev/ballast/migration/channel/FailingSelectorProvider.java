package dev.ballast.migration.channel;

import java.io.IOException;
import java.net.ProtocolFamily;
import java.nio.channels.DatagramChannel;
import java.nio.channels.Pipe;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.AbstractSelector;
import java.nio.channels.spi.SelectorProvider;

/** The JDK's provider, but it has only so many selectors to give. */
final class FailingSelectorProvider extends SelectorProvider {
  private final SelectorProvider real = SelectorProvider.provider();
  private final IOException failure;
  private int left;

  /**
   * @param left how many selectors it gives
   * @param failure what the next ones fail with
   */
  FailingSelectorProvider(int left, IOException failure) {
    this.left = left;
    this.failure = failure;
  }

  /** Has it give one more. */
  void giveOneMore() {
    left++;
  }

  @Override
  public AbstractSelector openSelector() throws IOException {
    if (left == 0) {
      throw failure;
    }
    left--;
    return real.openSelector();
  }

  @Override
  public DatagramChannel openDatagramChannel() throws IOException {
    return real.openDatagramChannel();
  }

  @Override
  public DatagramChannel openDatagramChannel(ProtocolFamily family) throws IOException {
    return real.openDatagramChannel(family);
  }

  @Override
  public Pipe openPipe() throws IOException {
    return real.openPipe();
  }

  @Override
  public ServerSocketChannel openServerSocketChannel() throws IOException {
    return real.openServerSocketChannel();
  }

  @Override
  public SocketChannel openSocketChannel() throws IOException {
    return real.openSocketChannel();
  }
}
