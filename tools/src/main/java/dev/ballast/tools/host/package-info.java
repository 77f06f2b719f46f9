/** Examines the host: its KVM, kernel, processors, memory and programs. */
@NullMarked
package dev.ballast.tools.host;

import org.jspecify.annotations.NullMarked;
