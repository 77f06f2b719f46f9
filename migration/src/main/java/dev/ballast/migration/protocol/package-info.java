/**
 * The migration protocol: frames over a byte stream, little-endian, versioned. {@code
 * migration/PROTOCOL.md} describes each field.
 *
 * <pre>
 * source                                          destination
 *   HELLO (versions) ────────────────────────────►
 *   ◄──────────────────────────────── HELLO_REPLY (version)
 *   CONFIG (machine, RAM blocks) ────────────────► compares with its own
 *   ◄──────────────────────────────── CONFIG_REPLY, or ERROR (reason)
 *   STREAM, over each further connection ────────► waits for all of them
 *
 *   dirty logging on
 *   RAM_PAGES, ZERO_PAGES, BITMAP … PASS_END ────► into guest RAM      ┐ again, until the rest
 *                                                                      ┘ fits the downtime limit
 *   vCPUs and device queues stop
 *   the rest, PASS_END (final) ──────────────────► discards what the bitmap says by now
 *   VERIFY … (if CONFIG said so) ────────────────► compares digests
 *   STATE_SECTION …, STATE_END ──────────────────► loads, does not run
 *   ◄──────────────────────────────────────── READY
 *   COMMIT ──────────────────────────────────────► runs, or stays stopped as the source was
 *   ◄────────────────────────────────────── RUNNING
 * </pre>
 *
 * <p>The destination ({@link dev.ballast.migration.protocol.ReceiverPhase}):
 *
 * <pre>
 *             HELLO              CONFIG, fits                PASS_END (final)
 *  GREETING ─────────► CONFIGURING ─────────► RAM ────────────────┬─────────────► VERIFYING
 *                                            ▲   │ RAM_PAGES,     │ no verify         │ all
 *                                            └───┘ ZERO_PAGES,    ▼                   │ digests equal
 *                                                  BITMAP,      STATE ◄───────────────┘
 *                                                  PASS_END    ▲   │ │
 *                                              STATE_SECTION   └───┘ │ STATE_END, READY sent
 *                                                                    ▼
 *                                         COMMITTED ◄─────────── COMMITTING
 *                                      RUNNING sent    COMMIT
 *
 *  In any of them: ERROR or CANCEL, a frame that is not allowed, a wrong value, the end of the stream or
 *  silence ends the migration: the destination sends ERROR with the reason and runs nothing. In the first
 *  two it waits for another source, afterwards it exits.
 * </pre>
 *
 * <p>Over further connections come pages and {@code PASS_END} only, and no pass begins before all
 * connections have ended the one before.
 *
 * <p>The source may go on with the guest after any failure, unless it has handed the whole of
 * COMMIT to its socket: from then on only after ERROR, with which a destination says that the guest
 * has not run there and never will. The destination runs the guest only after it has received the
 * whole of COMMIT. So the guest never runs twice: {@link
 * dev.ballast.migration.protocol.SourceHandover}, {@link
 * dev.ballast.migration.protocol.DestinationHandover}.
 */
@NullMarked
package dev.ballast.migration.protocol;

import org.jspecify.annotations.NullMarked;
