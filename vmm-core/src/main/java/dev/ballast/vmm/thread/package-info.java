/** Waiting for threads and for time, and what threads are given to do. */
@NullMarked
package dev.ballast.vmm.thread;

import org.jspecify.annotations.NullMarked;
