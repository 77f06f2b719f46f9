/** Checks of the layouts against the system's headers and against JNA. */
@NullMarked
package dev.ballast.ffi.layout;

import org.jspecify.annotations.NullMarked;
