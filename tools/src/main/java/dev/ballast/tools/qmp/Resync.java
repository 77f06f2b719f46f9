package dev.ballast.tools.qmp;

/**
 * Passes over the rest of a message that cannot be read, so that one fault is one error and no part
 * of a broken request is run. The rest ends
 *
 * <ul>
 *   <li>where the braces and brackets that were open are closed
 *   <li>if none was open, with the line, or where an object begins
 *   <li>before an object that begins a line: a message that was cut off ends there
 *   <li>before a byte that can be in no message at all, as clients send to have what is pending
 *       forgotten: a control character, 0xFE or 0xFF (QEMU's qmp-spec, "Forcing the JSON parser
 *       into known-good state")
 * </ul>
 *
 * One thread.
 */
final class Resync {
  private int depth;
  private int quote;
  private boolean escaped;
  private boolean atLineStart;
  private boolean under;

  /**
   * Starts to skip.
   *
   * @param openings how many braces and brackets are open
   * @param quotation the mark that began the string in which the fault is; 0 for none
   */
  void start(int openings, int quotation) {
    depth = openings;
    quote = quotation;
    escaped = false;
    atLineStart = false;
    under = true;
  }

  /** Returns whether a rest is being skipped. */
  boolean isUnderWay() {
    return under;
  }

  /** Returns whether a byte can be in no message, not even in a string. */
  static boolean isForced(byte next) {
    int value = Byte.toUnsignedInt(next);
    return value >= 0xfe || (value < ' ' && value != '\t' && value != '\r' && value != '\n');
  }

  /** Takes a byte; returns false if it is not of the rest, which is over, but what follows. */
  boolean accept(byte next) {
    boolean object = next == '{' && (depth == 0 || (atLineStart && quote == 0));
    if (object || isForced(next)) {
      under = false;
      return false;
    }
    if (next == '\n') {
      quote = 0;
      under = depth > 0;
    } else if (quote != 0) {
      string(next);
    } else if (depth > 0) {
      structure(next);
    }
    atLineStart = next == '\n' || (atLineStart && next == '\r');
    return true;
  }

  private void string(byte next) {
    if (!escaped && next == quote) {
      quote = 0;
    }
    escaped = !escaped && next == '\\';
  }

  private void structure(byte next) {
    switch (next) {
      case '"', '\'' -> {
        quote = next;
        escaped = false;
      }
      case '{', '[' -> depth++;
      case '}', ']' -> {
        depth--;
        under = depth > 0;
      }
      default -> {
        // nothing that opens or closes
      }
    }
  }
}
