/**
 * What the bench found, for people and programs: a web page that needs nothing else, a table on a
 * terminal, JSON.
 */
@NullMarked
package dev.ballast.tools.report;

import org.jspecify.annotations.NullMarked;
