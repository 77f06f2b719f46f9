/** Waiting for threads and until deadlines, and actions that threads carry out. */
@NullMarked
package dev.ballast.vmm.thread;

import org.jspecify.annotations.NullMarked;
