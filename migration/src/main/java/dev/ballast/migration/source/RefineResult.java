package dev.ballast.migration.source;

/**
 * What {@link CandidateSet#refine} found.
 *
 * @param candidates pages that have to be considered
 * @param excluded pages that are left out because the filter excludes them; in spans without any
 *     content they are counted only the first time and after {@link CandidateSet#excludeNothing}
 * @param unpopulated pages that are left out because they have no memory, counted likewise
 */
record RefineResult(long candidates, long excluded, long unpopulated) {
  static final RefineResult NOTHING = new RefineResult(0, 0, 0);

  RefineResult plus(RefineResult other) {
    return new RefineResult(
        candidates + other.candidates, excluded + other.excluded, unpopulated + other.unpopulated);
  }
}
