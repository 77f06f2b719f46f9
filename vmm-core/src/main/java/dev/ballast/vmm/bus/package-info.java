/** Port and memory-mapped I/O: which device answers an address. */
@NullMarked
package dev.ballast.vmm.bus;

import org.jspecify.annotations.NullMarked;
