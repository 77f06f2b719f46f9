package dev.ballast.tools.report;

import static dev.ballast.tools.report.Markup.escape;
import static dev.ballast.tools.report.Markup.number;

/**
 * A picture that is written from its first element to its last. Colours come from the page's style
 * sheet by class; coordinates are in pixels, y downwards.
 */
final class Svg {
  /** Where a text is anchored. */
  enum Anchor {
    START("start"),
    MIDDLE("middle"),
    END("end");

    private final String value;

    Anchor(String value) {
      this.value = value;
    }
  }

  private final StringBuilder content = new StringBuilder();

  /**
   * Begins a picture.
   *
   * @param width of the drawing
   * @param height of the drawing
   * @param id unique in the page
   * @param title one line for screen readers
   * @param description what it shows, in words
   */
  Svg(int width, int height, String id, String title, String description) {
    content.append(
        """
        <svg viewBox="0 0 %d %d" role="img" aria-labelledby="%s-t %s-d">
        <title id="%s-t">%s</title><desc id="%s-d">%s</desc>
        """
            .formatted(width, height, id, id, id, escape(title), id, escape(description)));
  }

  Svg rect(String style, double x, double y, double width, double height, double radius) {
    content.append(
        "<rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" rx=\"%s\"/>\n"
            .formatted(style, number(x), number(y), number(width), number(height), number(radius)));
    return this;
  }

  Svg line(String style, double x1, double y1, double x2, double y2) {
    content.append(
        "<line class=\"%s\" x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\"/>\n"
            .formatted(style, number(x1), number(y1), number(x2), number(y2)));
    return this;
  }

  Svg circle(String style, double x, double y, double radius) {
    content.append(
        "<circle class=\"%s\" cx=\"%s\" cy=\"%s\" r=\"%s\"/>\n"
            .formatted(style, number(x), number(y), number(radius)));
    return this;
  }

  Svg text(String style, double x, double y, Anchor anchor, String text) {
    content.append(
        "<text class=\"%s\" x=\"%s\" y=\"%s\" text-anchor=\"%s\">%s</text>\n"
            .formatted(style, number(x), number(y), anchor.value, escape(text)));
    return this;
  }

  /** Draws a path in SVG's path notation. */
  Svg path(String style, String data) {
    content.append("<path class=\"%s\" d=\"%s\"/>\n".formatted(style, data));
    return this;
  }

  /** Returns the whole picture. */
  String end() {
    return content + "</svg>\n";
  }
}
