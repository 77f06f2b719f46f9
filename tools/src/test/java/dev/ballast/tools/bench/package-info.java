@NullMarked
package dev.ballast.tools.bench;

import org.jspecify.annotations.NullMarked;
