/**
 * The memory balloon (virtio v1.3 §5.5), the bitmap of the pages that are in it, and the guest's
 * reports of its memory.
 *
 * <p>Every change of a page keeps one order, so that a migration which reads the bitmap at any
 * moment loses nothing:
 *
 * <pre>
 *   inflate   discard the page          ─► set its bit            ─► publish the used entry
 *   deflate   clear its bit             ─► mark the page dirty    ─► publish the used entry
 *   reset     clear every bit           ─► mark those pages dirty
 * </pre>
 *
 * <p>A host page of more than 4 KiB (hugetlb) is discarded when the last of its parts goes into the
 * balloon, before the bit of that part is set: so a host page whose bits are all set has been
 * discarded, and one that lacks a bit still holds the content of all its parts and is not left out
 * of a migration. Nothing is to be done when the first part comes out: the guest's access makes the
 * host page anew. A driver that does not tell the host before it uses a page again gives such a
 * page back only by one request for all its parts, since those from before may be in use.
 *
 * <p>Reports (§5.5.6.3) go round in one buffer of the driver's: the device holds it, and asks for
 * the next report by giving it back. Which buffer is held is in the device's state, so that reports
 * go on where a guest has moved to; a reset forgets it, as the driver does. The statistics queue is
 * number 2, since inflate and deflate are always there before it (§5.5.2), and there only if the
 * feature is offered.
 */
@NullMarked
package dev.ballast.virtio.balloon;

import org.jspecify.annotations.NullMarked;
