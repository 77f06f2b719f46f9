/** Reports of the bench: a self-contained web page, a table for terminals, and JSON. */
@NullMarked
package dev.ballast.tools.report;

import org.jspecify.annotations.NullMarked;
