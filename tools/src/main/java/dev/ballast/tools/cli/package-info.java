/** The command line: one class a command. */
@NullMarked
package dev.ballast.tools.cli;

import org.jspecify.annotations.NullMarked;
