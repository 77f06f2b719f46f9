/** The lab: runs commands under a real KVM on hosts whose hardware offers none. */
@NullMarked
package dev.ballast.tools.lab;

import org.jspecify.annotations.NullMarked;
