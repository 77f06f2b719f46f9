/** The side of a migration that waits for a guest and takes it over. */
@NullMarked
package dev.ballast.migration.destination;

import org.jspecify.annotations.NullMarked;
