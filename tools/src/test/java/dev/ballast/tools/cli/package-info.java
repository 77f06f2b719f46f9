/** The command line as its users meet it. */
@NullMarked
package dev.ballast.tools.cli;

import org.jspecify.annotations.NullMarked;
