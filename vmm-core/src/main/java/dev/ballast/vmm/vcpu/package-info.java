/** vCPUs: a thread each, their exits, their state. */
@NullMarked
package dev.ballast.vmm.vcpu;

import org.jspecify.annotations.NullMarked;
