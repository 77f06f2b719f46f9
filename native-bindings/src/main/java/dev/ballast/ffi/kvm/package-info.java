/** Typed wrappers of {@code /dev/kvm}: the system, a virtual machine, a virtual CPU. */
@NullMarked
package dev.ballast.ffi.kvm;

import org.jspecify.annotations.NullMarked;
