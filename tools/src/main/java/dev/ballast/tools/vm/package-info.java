/** A virtual machine put together: what QMP and the command line steer. */
@NullMarked
package dev.ballast.tools.vm;

import org.jspecify.annotations.NullMarked;
