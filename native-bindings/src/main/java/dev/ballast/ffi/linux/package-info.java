/** Linux system calls, each behind a typed wrapper that reports errno. */
@NullMarked
package dev.ballast.ffi.linux;

import org.jspecify.annotations.NullMarked;
