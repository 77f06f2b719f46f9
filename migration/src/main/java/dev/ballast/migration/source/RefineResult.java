package dev.ballast.migration.source;

/**
 * What {@link CandidateSet#refine} found.
 *
 * @param candidates pages that have to be looked at
 * @param excluded pages that are not because the filter has them; in spans without any content they
 *     are counted only the first time and after {@link CandidateSet#excludeNothing}
 * @param unpopulated pages that are not because they have no memory, counted likewise
 */
record RefineResult(long candidates, long excluded, long unpopulated) {
  static final RefineResult NOTHING = new RefineResult(0, 0, 0);

  RefineResult plus(RefineResult other) {
    return new RefineResult(
        candidates + other.candidates, excluded + other.excluded, unpopulated + other.unpopulated);
  }
}
