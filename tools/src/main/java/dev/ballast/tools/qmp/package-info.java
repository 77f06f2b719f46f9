/**
 * The QEMU Machine Protocol, server and client: JSON objects over a Unix socket. What is sent is
 * one a line; what is read may be in any form that QEMU reads.
 *
 * <p>Commands and events are those of QEMU where QEMU has them; names of Ballast's own start with
 * {@code x-}.
 */
@NullMarked
package dev.ballast.tools.qmp;

import org.jspecify.annotations.NullMarked;
