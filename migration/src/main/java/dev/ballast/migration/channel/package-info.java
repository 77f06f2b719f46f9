/** The byte streams that migrations go over: Unix and TCP sockets. */
@NullMarked
package dev.ballast.migration.channel;

import org.jspecify.annotations.NullMarked;
