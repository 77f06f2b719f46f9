@NullMarked
package dev.ballast.tools.lab;

import org.jspecify.annotations.NullMarked;
