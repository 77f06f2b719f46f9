package dev.ballast.tools.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.tools.bench.BenchFixtures;
import dev.ballast.tools.bench.BenchReport;
import java.io.StringReader;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

class HtmlReportTest {
  private static final Pattern SVG = Pattern.compile("(?s)<svg.*?</svg>");
  private static final Pattern ID = Pattern.compile(" id=\"([^\"]+)\"");

  private static Document parse(String xml) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new InputSource(new StringReader(xml)));
  }

  private static List<String> pictures(BenchReport report) {
    return SVG.matcher(HtmlReport.of(report)).results().map(MatchResult::group).toList();
  }

  @Test
  void picturesAreWellFormedAndHaveWordsForThoseWhoDoNotSeeThem() throws Exception {
    List<String> pictures = pictures(BenchFixtures.withEverything());
    // Four charts of bars for migrations and one for the rest, two time lines, one plot.
    assertThat(pictures).hasSize(8);
    for (String picture : pictures) {
      Document document = parse(picture);
      assertThat(document.getDocumentElement().getAttribute("role")).isEqualTo("img");
      assertThat(document.getElementsByTagName("title").item(0).getTextContent()).isNotBlank();
      assertThat(document.getElementsByTagName("desc").item(0).getTextContent()).isNotBlank();
      assertThat(picture).doesNotContain("NaN", "Infinity");
    }
  }

  @Test
  void namesOfElementsAreUnique() {
    Set<String> seen = new HashSet<>();
    ID.matcher(HtmlReport.of(BenchFixtures.withEverything()))
        .results()
        .forEach(id -> assertThat(seen.add(id.group(1))).as(id.group(1)).isTrue());
    assertThat(seen).isNotEmpty();
  }

  @Test
  void needsNothingFromElsewhere() {
    assertThat(HtmlReport.of(BenchFixtures.withEverything()))
        .doesNotContain("http:", "https:", "<script", "<link", "src=", "url(", "@import")
        .contains("prefers-color-scheme: dark");
  }

  @Test
  void whatComesFromOutsideIsEscaped() {
    assertThat(HtmlReport.of(BenchFixtures.withEverything()))
        .contains("a &lt;fast&gt; processor", "7.2 &amp; &lt;later&gt;")
        .doesNotContain("<fast>", "<later>");
    assertThat(Markup.escape("<a href=\"x\" title='y'>&</a>"))
        .isEqualTo("&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;&lt;/a&gt;");
  }

  @Test
  void saysWhatDidNotConverge() {
    assertThat(HtmlReport.of(BenchFixtures.withEverything())).contains("did not converge");
  }

  @Test
  void saysWhatARatioIsToWhereItIsNotThePeer() {
    assertThat(HtmlReport.of(BenchFixtures.withEverything()))
        .contains("to QEMU + 40 MiB", "to C loop", "to first hop", "to 300 ms", "≥ 0.95", "≤ 1/50");
  }

  @Test
  void withoutAPeerThereAreOnlyOnesOwnBars() {
    String page = HtmlReport.of(BenchFixtures.withoutPeer());
    assertThat(page).contains("no peer", "<rect class=\"ballast\"");
    assertThat(page).doesNotContain("<rect class=\"peer\"", "✓", "✗");
  }
}
