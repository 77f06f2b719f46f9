/** Linux guests out of a distribution's packages, and the client of their serial console. */
@NullMarked
package dev.ballast.guest.linux;

import org.jspecify.annotations.NullMarked;
