/** The downcalls into the C library, with errno; not exported. */
@NullMarked
package dev.ballast.ffi.libc;

import org.jspecify.annotations.NullMarked;
