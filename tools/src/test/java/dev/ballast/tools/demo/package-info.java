@NullMarked
package dev.ballast.tools.demo;

import org.jspecify.annotations.NullMarked;
