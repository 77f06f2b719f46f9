/**
 * The memory balloon (virtio v1.3 §5.5), the bitmap of the pages that are in it, and the guest's
 * reports of its memory.
 *
 * <p>The steps of every change have a fixed order, so that a migration that reads the bitmap at any
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
 * of a migration. Nothing has to be done when the first part is deflated: the guest's access
 * populates the host page again. A driver that does not tell the host before it uses a page again
 * gives such a page back only by one request for all its parts, since parts given earlier may be in
 * use.
 *
 * <p>Reports (§5.5.6.3) use one buffer of the driver's: the device holds it, and requests the next
 * report by returning it. The device's state says which buffer is held, so that reports go on after
 * a migration; a reset forgets it, as the driver does. The statistics queue is number 2, after
 * inflate and deflate, which are always present (§5.5.2), and exists only if the feature is
 * offered.
 */
@NullMarked
package dev.ballast.virtio.balloon;

import org.jspecify.annotations.NullMarked;
