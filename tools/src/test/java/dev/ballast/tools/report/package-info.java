@NullMarked
package dev.ballast.tools.report;

import org.jspecify.annotations.NullMarked;
