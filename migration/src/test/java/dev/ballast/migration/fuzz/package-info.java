/**
 * What a destination reads, fuzzed with Jazzer. A build only replays the corpus, which is under
 * {@code src/test/resources}, in a directory named after the test and one named after the method.
 * To fuzz for real, one method at a time:
 *
 * <pre>
 * JAZZER_FUZZ=1 ./test -pl migration -am -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dtest='DestinationFuzzTest#stream'
 * </pre>
 *
 * <p>It goes on for as long as the annotation says, keeps what it learns in {@code .cifuzz-corpus},
 * and puts an input that fails beside the corpus, where the next build replays it. The other
 * modules have targets, too: {@code LoadedStateFuzzTest} in {@code vmm-core}, {@code
 * BalloonStateFuzzTest} in {@code virtio}.
 */
@NullMarked
package dev.ballast.migration.fuzz;

import org.jspecify.annotations.NullMarked;
