/** Initial RAM file systems: the cpio archives that a Linux kernel unpacks at boot. */
@NullMarked
package dev.ballast.guest.initramfs;

import org.jspecify.annotations.NullMarked;
