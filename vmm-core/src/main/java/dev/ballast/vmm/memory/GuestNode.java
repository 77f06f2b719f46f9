package dev.ballast.vmm.memory;

import dev.ballast.ffi.linux.NumaPolicy;
import dev.ballast.ffi.linux.NumberSet;
import java.util.Optional;

/**
 * A NUMA node of a guest.
 *
 * @param vcpus the numbers of its vCPUs; may be empty
 * @param bytes how much of guest RAM it has; the nodes have it in their order
 * @param policy where that is on the host; empty leaves it to the host
 */
public record GuestNode(NumberSet vcpus, long bytes, Optional<NumaPolicy> policy) {}
