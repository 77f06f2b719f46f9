package dev.ballast.tools.lab;

import java.nio.file.Path;

/**
 * What became of a command in the lab.
 *
 * @param exitCode its exit code; 128 + n if signal n ended it, 127 if it was not found
 * @param outDir the directory of the host that now holds what the command put into {@code /out}
 */
public record LabResult(int exitCode, Path outDir) {}
