/** What the host is and can do. */
@NullMarked
package dev.ballast.tools.host;

import org.jspecify.annotations.NullMarked;
