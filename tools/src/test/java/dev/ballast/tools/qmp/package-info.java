@NullMarked
package dev.ballast.tools.qmp;

import org.jspecify.annotations.NullMarked;
