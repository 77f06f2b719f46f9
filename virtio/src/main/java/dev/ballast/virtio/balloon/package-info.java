/**
 * The memory balloon (virtio v1.3 §5.5), and the bitmap of the pages that are in it.
 *
 * <p>Every change of a page keeps one order, so that a migration which reads the bitmap at any
 * moment loses nothing:
 *
 * <pre>
 *   inflate   discard the page          ─► set its bit            ─► publish the used entry
 *   deflate   clear its bit             ─► mark the page dirty    ─► publish the used entry
 *   reset     clear every bit           ─► mark those pages dirty
 * </pre>
 */
@NullMarked
package dev.ballast.virtio.balloon;

import org.jspecify.annotations.NullMarked;
