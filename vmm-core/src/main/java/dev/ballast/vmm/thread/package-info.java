/** What all modules with threads of their own need. */
@NullMarked
package dev.ballast.vmm.thread;

import org.jspecify.annotations.NullMarked;
