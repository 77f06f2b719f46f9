/** Machines without KVM, and connections that break, for the tests of migration. */
@NullMarked
package dev.ballast.migration.testing;

import org.jspecify.annotations.NullMarked;
