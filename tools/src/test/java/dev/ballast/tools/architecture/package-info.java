/** What the design says about the code, held against the code. */
@NullMarked
package dev.ballast.tools.architecture;

import org.jspecify.annotations.NullMarked;
