@NullMarked
package dev.ballast.tools.lab.bochs;

import org.jspecify.annotations.NullMarked;
