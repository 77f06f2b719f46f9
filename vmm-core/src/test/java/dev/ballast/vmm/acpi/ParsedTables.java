package dev.ballast.vmm.acpi;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** Finds the tables of an image as an operating system does: from the RSDP on. */
final class ParsedTables {
  private final AcpiImage image;
  private final ByteBuffer memory;
  private final Map<String, byte[]> tables = new LinkedHashMap<>();

  ParsedTables(AcpiImage image) {
    this.image = image;
    this.memory = ByteBuffer.wrap(image.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer rsdp = at(image.rsdpAddress(), 36);
    add(rsdp.getLong(24));
    ByteBuffer xsdt = table("XSDT");
    for (int i = 36; i < xsdt.limit(); i += 8) {
      add(xsdt.getLong(i));
    }
    add(table("FACP").getLong(140));
    add(Integer.toUnsignedLong(table("FACP").getInt(36)));
  }

  private void add(long address) {
    ByteBuffer header = at(address, 8);
    byte[] table = new byte[header.getInt(4)];
    at(address, table.length).get(table);
    tables.put(new String(table, 0, 4, StandardCharsets.US_ASCII), table);
  }

  /** Guest memory as little-endian. */
  ByteBuffer at(long address, int length) {
    return memory
        .slice(Math.toIntExact(address - image.base()), length)
        .order(ByteOrder.LITTLE_ENDIAN);
  }

  ByteBuffer table(String signature) {
    byte[] table = tables.get(signature);
    if (table == null) {
      throw new AssertionError("no " + signature + " in " + tables.keySet());
    }
    return ByteBuffer.wrap(table).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** All but the RSDP, by signature. */
  Map<String, byte[]> tables() {
    return tables;
  }
}
