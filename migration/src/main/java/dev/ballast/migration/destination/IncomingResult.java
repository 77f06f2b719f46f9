package dev.ballast.migration.destination;

import dev.ballast.vmm.machine.RunState;

/**
 * The result of a completed incoming migration.
 *
 * @param runState the run state that the guest has entered
 * @param protocolVersion the protocol version that was used
 * @param bitmapReceived whether the balloon bitmap was received
 * @param verified whether digests of all memory were compared
 * @param bytesRead how many bytes were read from all connections
 * @param pagesReceived how many pages were received with content, repetitions counted
 * @param pagesDiscarded how many of them were discarded again, because they became zero or
 *     ballooned
 */
public record IncomingResult(
    RunState runState,
    int protocolVersion,
    boolean bitmapReceived,
    boolean verified,
    long bytesRead,
    long pagesReceived,
    long pagesDiscarded) {}
