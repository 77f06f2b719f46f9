/**
 * The byte streams that migrations go over. The rest of the module knows {@link
 * dev.ballast.migration.channel.MigrationChannel} and {@link
 * dev.ballast.migration.channel.MigrationServer} only.
 *
 * <pre>
 *  MigrationUri ── which transport: parse("tcp:HOST:PORT"), toString(), isLocal()
 *    └ SocketUri ── stream sockets: Unix, Tcp
 *  MigrationChannel ── open(uri): one byte stream; waits, limits, counts
 *    └ SocketMigrationChannel ── over a CancellableSocket (socket and selector) with a BandwidthLimit
 *  MigrationServer ── listen(uri): hands out connections that have introduced themselves (Opening)
 *    └ SocketMigrationServer ── with PendingConnections, those that have not yet
 *  SegmentWindows ── guest memory as buffers for sockets and checksums
 * </pre>
 *
 * <p>A new transport is a record in {@code MigrationUri}, with its words in {@code parse}, and an
 * implementation of the two interfaces; the compiler then asks for it where {@code
 * MigrationChannel.open} and {@code MigrationServer.listen} choose one by the URI.
 */
@NullMarked
package dev.ballast.migration.channel;

import org.jspecify.annotations.NullMarked;
