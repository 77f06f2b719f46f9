/**
 * The QEMU Machine Protocol, server and client: JSON objects over a Unix socket, one a line.
 *
 * <p>Commands and events are those of QEMU where QEMU has them; names of Ballast's own start with
 * {@code x-}.
 */
@NullMarked
package dev.ballast.tools.qmp;

import org.jspecify.annotations.NullMarked;
