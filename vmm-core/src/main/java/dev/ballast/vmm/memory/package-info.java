/** Guest memory: addresses, RAM blocks, page bitmaps, dirty logs. */
@NullMarked
package dev.ballast.vmm.memory;

import org.jspecify.annotations.NullMarked;
