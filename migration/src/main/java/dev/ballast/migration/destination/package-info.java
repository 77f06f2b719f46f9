/**
 * The destination of a migration: the side that waits for a guest and receives it.
 *
 * <pre>
 *  MigrationDestination ── listens, and takes one source after the other until a guest has come
 *    IncomingMigration ── one source, from its greeting to the commit; gives an IncomingResult
 *      ReceivingBlocks ── the RAM blocks by the source's numbers, and the balloon bitmap
 *        ReceivingBlock ── what has arrived of one block, and which checksums were wrong
 *      RamReceiver ── pages of one connection, straight into guest RAM
 *      ReceivingStreams ── further connections for pages; StreamAcceptor waits for them
 *        PassBarrier ── where all connections end a pass
 *      DigestChecker ── compares digests; StateReceiver: loads state sections
 * </pre>
 *
 * <h2>States</h2>
 *
 * <p>{@link dev.ballast.migration.protocol.ReceiverPhase} says which frames are due, {@link
 * dev.ballast.migration.protocol.DestinationHandover} which side has the guest:
 *
 * <pre>
 *  GREETING ─► CONFIGURING ─► RAM ─► VERIFYING ─► STATE ─► COMMITTING ─► COMMITTED
 *   └───────────┴──────────────┴────────┴───────────┴───────────┘
 *    a failure: ERROR to the source; while nothing of RAM has come, the next source is waited for
 * </pre>
 *
 * <h2>Threads</h2>
 *
 * <p>The caller of {@link dev.ballast.migration.destination.MigrationDestination#receive} listens
 * and receives; {@code incoming-stream-N} receives pages over a further connection, and waits for
 * all others at the end of a pass. Any thread cancels.
 *
 * <h2>The path of a page</h2>
 *
 * <p>The header of {@code RAM_PAGES} is checked against this side's own blocks before anything is
 * written ({@code ReceivingBlocks.named}, {@code RamReceiver.checkRange}); {@code
 * ReceivingBlock.expect} records them and populates host memory for many at once, and the payload
 * is read into guest RAM without a copy. A wrong checksum is recorded, because a running guest may
 * write while its page is sent; one that remains after the last pass ends the migration. Pages of
 * {@code ZERO_PAGES} frames, and those that are in the bitmap after a pass, are given back to the
 * host. A page that was never received is never touched.
 */
@NullMarked
package dev.ballast.migration.destination;

import org.jspecify.annotations.NullMarked;
