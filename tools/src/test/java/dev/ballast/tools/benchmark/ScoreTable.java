package dev.ballast.tools.benchmark;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Scores, those of each group together.
 *
 * @param scores in the order in which they are printed
 */
record ScoreTable(List<Score> scores) {
  /** Returns the table: a line a score, and for what is ours how fast it is beside its peers. */
  String text() {
    return scores.stream()
        .map(Score::group)
        .distinct()
        .map(group -> group(scores.stream().filter(s -> s.group().equals(group)).toList()))
        .collect(Collectors.joining("\n"));
  }

  private static String group(List<Score> scores) {
    List<Score> ours = scores.stream().filter(Score::isOurs).toList();
    List<Score> peers = scores.stream().filter(s -> !s.isOurs()).toList();
    StringBuilder text = new StringBuilder(scores.getFirst().group()).append('\n');
    for (Score score : ours) {
      text.append(line(score, ratios(score, peers)));
    }
    for (Score score : peers) {
      text.append(line(score, ""));
    }
    return text.toString();
  }

  private static String ratios(Score ours, List<Score> peers) {
    return peers.stream()
        .map(peer -> String.format(Locale.ROOT, "%.2f x %s", ours.speedOver(peer), peer.method()))
        .collect(Collectors.joining(", ", "  ", ""));
  }

  private static String line(Score score, String ratios) {
    String line =
        String.format(
            Locale.ROOT,
            "  %-18s %10.2f ± %-8.2f %-9s%s",
            score.method(),
            score.value(),
            score.error(),
            score.unitInWords(),
            ratios);
    return line.stripTrailing() + "\n";
  }
}
