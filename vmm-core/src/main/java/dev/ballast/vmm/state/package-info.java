/** The state of devices and vCPUs as bytes that another VMM process can load. */
@NullMarked
package dev.ballast.vmm.state;

import org.jspecify.annotations.NullMarked;
