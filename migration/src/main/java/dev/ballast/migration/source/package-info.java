/** The side of a migration that has the guest and gives it away. */
@NullMarked
package dev.ballast.migration.source;

import org.jspecify.annotations.NullMarked;
