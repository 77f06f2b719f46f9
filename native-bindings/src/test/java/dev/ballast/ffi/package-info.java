/** What the tests of this module share. */
@NullMarked
package dev.ballast.ffi;

import org.jspecify.annotations.NullMarked;
