/** What the tools share. */
@NullMarked
package dev.ballast.tools;

import org.jspecify.annotations.NullMarked;
