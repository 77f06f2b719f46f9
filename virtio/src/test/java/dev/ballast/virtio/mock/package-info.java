/**
 * A driver without a guest: builds rings in guest memory and accesses registers as a driver would,
 * or as none should. For tests of devices, transports and whatever needs a balloon that moves.
 */
@NullMarked
package dev.ballast.virtio.mock;

import org.jspecify.annotations.NullMarked;
