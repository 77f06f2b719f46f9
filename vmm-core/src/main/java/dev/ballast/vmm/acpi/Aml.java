package dev.ballast.vmm.acpi;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Encodes terms of the ACPI machine language (ACPI 6.5 §20.2). Terms nest. */
final class Aml {
  private static final int ZERO_OP = 0x00;
  private static final int ONE_OP = 0x01;
  private static final int NAME_OP = 0x08;
  private static final int BYTE_PREFIX = 0x0a;
  private static final int WORD_PREFIX = 0x0b;
  private static final int DWORD_PREFIX = 0x0c;
  private static final int STRING_PREFIX = 0x0d;
  private static final int SCOPE_OP = 0x10;
  private static final int BUFFER_OP = 0x11;
  private static final int PACKAGE_OP = 0x12;
  private static final int EXT_OP_PREFIX = 0x5b;
  private static final int DEVICE_OP = 0x82;

  private Aml() {}

  /** Returns terms one after the other. */
  static byte[] sequence(byte[]... terms) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] term : terms) {
      out.writeBytes(term);
    }
    return out.toByteArray();
  }

  private static byte[] op(int... bytes) {
    byte[] out = new byte[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      out[i] = (byte) bytes[i];
    }
    return out;
  }

  /** A name of four characters, in the scope it stands in. */
  private static byte[] nameSegment(String name) {
    if (!name.matches("[A-Z_][A-Z0-9_]{3}")) {
      throw new IllegalArgumentException("AML name " + name + " is not four characters");
    }
    return name.getBytes(StandardCharsets.US_ASCII);
  }

  /** An integer constant of up to 32 bits, unsigned. */
  static byte[] integer(long value) {
    ByteBuffer out = ByteBuffer.allocate(5).order(ByteOrder.LITTLE_ENDIAN);
    if (value == 0) {
      out.put((byte) ZERO_OP);
    } else if (value == 1) {
      out.put((byte) ONE_OP);
    } else if (value >>> 8 == 0) {
      out.put((byte) BYTE_PREFIX).put((byte) value);
    } else if (value >>> 16 == 0) {
      out.put((byte) WORD_PREFIX).putShort((short) value);
    } else if (value >>> 32 == 0) {
      out.put((byte) DWORD_PREFIX).putInt((int) value);
    } else {
      throw new IllegalArgumentException("AML integer 0x" + Long.toHexString(value));
    }
    byte[] bytes = new byte[out.position()];
    out.flip().get(bytes);
    return bytes;
  }

  /** A string constant. */
  static byte[] string(String value) {
    return sequence(op(STRING_PREFIX), value.getBytes(StandardCharsets.US_ASCII), op(0));
  }

  /**
   * An EISA id as the 32-bit integer it is compressed to (ACPI 6.5 §19.6.38).
   *
   * @param id three letters and four hexadecimal digits, for instance {@code PNP0501}
   */
  static byte[] eisaId(String id) {
    int vendor = (id.charAt(0) - '@') << 10 | (id.charAt(1) - '@') << 5 | (id.charAt(2) - '@');
    int product = Integer.parseInt(id.substring(3), 16);
    return integer(Integer.toUnsignedLong(Integer.reverseBytes(vendor << 16 | product)));
  }

  /** Gives a name to a constant: {@code Name (name, value)}. */
  static byte[] name(String name, byte[] value) {
    return sequence(op(NAME_OP), nameSegment(name), value);
  }

  /** {@code Scope (name) {terms}}. */
  static byte[] scope(String name, byte[]... terms) {
    return sequence(op(SCOPE_OP), lengthBefore(sequence(nameSegment(name), sequence(terms))));
  }

  /** {@code Device (name) {terms}}. */
  static byte[] device(String name, byte[]... terms) {
    return sequence(
        op(EXT_OP_PREFIX, DEVICE_OP), lengthBefore(sequence(nameSegment(name), sequence(terms))));
  }

  /** {@code Package () {elements}}, at most 255. */
  static byte[] packageOf(byte[]... elements) {
    return sequence(
        op(PACKAGE_OP), lengthBefore(sequence(op(elements.length), sequence(elements))));
  }

  /** {@code Buffer () {content}}. */
  static byte[] buffer(byte[] content) {
    return sequence(op(BUFFER_OP), lengthBefore(sequence(integer(content.length), content)));
  }

  /**
   * Puts a PkgLength before {@code body} (ACPI 6.5 §20.2.4): it counts itself too. One byte holds 6
   * bits; of more, the first holds 4 bits and how many follow.
   */
  private static byte[] lengthBefore(byte[] body) {
    int total = body.length + 1;
    if (total < 1 << 6) {
      return sequence(op(total), body);
    }
    int following = 1;
    while (body.length + 1 + following >= 1 << (4 + 8 * following)) {
      following++;
    }
    total = body.length + 1 + following;
    byte[] length = new byte[1 + following];
    length[0] = (byte) (following << 6 | (total & 0xf));
    for (int i = 1; i <= following; i++) {
      length[i] = (byte) (total >>> (4 + 8 * (i - 1)));
    }
    return sequence(length, body);
  }
}
