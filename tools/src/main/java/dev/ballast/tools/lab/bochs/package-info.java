/**
 * What Bochs is given: its configuration, the disk that it boots from, and input over its ports.
 */
@NullMarked
package dev.ballast.tools.lab.bochs;

import org.jspecify.annotations.NullMarked;
