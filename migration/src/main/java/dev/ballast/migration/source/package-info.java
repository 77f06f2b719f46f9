/**
 * The source of a migration: the side that has the guest and hands it over.
 *
 * <pre>
 *  MigrationSource ── one migration: starts, cancels, reports
 *    SourceLifecycle ── its SourcePhase; decides between a cancel and the commit
 *    SourceConnection ── the migration's own channel, and the frames on it
 *    SourceBandwidth ── the limit, over all connections
 *    SourceHandshake ── version, machine, blocks; SkipBalloon: whether ballooned pages are left out
 *    PrecopyLoop ── passes over RAM, until ConvergencePolicy has the guest stopped
 *      SendingBlock ── a RAM block, whose spans are claimed in turn
 *        CandidateSet ── which of its pages are to be sent; ExcludedPages, PoisonedPages,
 *                        RefineResult
 *      RamSender ── sends what it takes, a Span at a time
 *      SendingStreams, SendingStream ── further connections for pages
 *      BitmapSender ── the balloon bitmap; DigestSender: digests of memory
 *    GuestHandover ── stops the guest and hands it over, or gives it back; StateSender
 *    SourceEnding ── cleans up whatever happened, and says why
 *    ProgressCounters ── becomes MigrationProgress
 * </pre>
 *
 * <h2>Phases</h2>
 *
 * <pre>
 *  NEW ─► CONNECTING ─► NEGOTIATING ─► PRECOPY ─► SWITCHING ─► COMMITTING ─► COMPLETED
 *   └─────────┴──────────────┴────────────┴───────────┘            │
 *     any of these                                                 ├─► FAILED: refused or not confirmed
 *       cancel() ─► CANCELLING ─► CANCELLED                        └─► CANCELLED: abandoned before the
 *       timeout  ─► EXPIRED ─► FAILED  (cancel() ─► CANCELLING)            whole of COMMIT was out
 *       a failure ─► FAILED
 * </pre>
 *
 * <p>One lock, in {@code SourceLifecycle}, decides: a cancel and a timeout change the phase and
 * wake the migration's thread, unless the phase is COMMITTING; the thread enters COMMITTING unless
 * the phase is CANCELLING or EXPIRED. {@code COMMIT} is written after that, so that a migration
 * that said "cancelled" has not handed the guest over. Which side has the guest from there on is a
 * state of its own, {@link dev.ballast.migration.protocol.SourceHandover}.
 *
 * <h2>Threads</h2>
 *
 * <p>{@code migration} does all of it; {@code migration-stream-N} sends pages over a further
 * connection, within a pass that the former starts and waits for; {@code migration-timeout} waits.
 * Users cancel, change limits and ask for progress from any thread. The sync refines large blocks
 * on the common pool.
 *
 * <h2>The path of a page</h2>
 *
 * <pre>
 *      guest and VMM write
 *              │ dirty log
 *              ▼            fetch(): candidates that were not taken stay
 *   CandidateSet.pending ◄───────────────────────────────────────────┐
 *              │ refine(): drops pages in the balloon, and those that │ dirty again,
 *              │ have no memory (populated) and were never sent       │ after protectDirty
 *              ▼                                                      │
 *   spans: one bit for RamBlock.protectBytes                           │
 *              │ takeSpan(): pending ∖ excluded now ─► protectDirty ──┘
 *              ▼
 *   Span.pages, Span.populated          a sender's own
 *              │
 *              ├─ has memory and is not zero ─► markSent()  ─► RAM_PAGES
 *              └─ zero or poisoned ─► clearSent() ─► if it was in sent: ZERO_PAGES, if not: nothing
 * </pre>
 *
 * <p>Invariant: <em>a page that is dropped or taken, and may differ from what the destination has
 * afterwards, is marked dirty later than the log was fetched.</em> A page leaves the filter first
 * and is marked then; memory appears behind a page by a write only, which is logged; and what is
 * taken is protected before it is read. So no bitmap has to remember what was dropped: it is in the
 * next log. {@code sent} is a superset of the pages that the destination may have with content,
 * because it is marked before the write, so that a page that becomes zero or whose write failed is
 * never forgotten.
 */
@NullMarked
package dev.ballast.migration.source;

import org.jspecify.annotations.NullMarked;
