package dev.ballast.migration.destination;

import dev.ballast.vmm.machine.RunState;

/**
 * A migration that arrived.
 *
 * @param runState what the guest goes on as
 * @param protocolVersion the version that was spoken
 * @param bitmapReceived whether the balloon bitmap came along
 * @param verified whether digests of all memory were compared
 * @param bytesRead how many bytes came over the wire
 * @param pagesReceived how many pages came with content, repetitions counted
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
