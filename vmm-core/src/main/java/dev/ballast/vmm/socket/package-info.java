/** Unix sockets that other processes find in the file system. */
@NullMarked
package dev.ballast.vmm.socket;

import org.jspecify.annotations.NullMarked;
