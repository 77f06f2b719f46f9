/** Reports as web pages: HTML and SVG that need nothing else. */
@NullMarked
package dev.ballast.tools.report;

import org.jspecify.annotations.NullMarked;
