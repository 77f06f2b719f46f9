package dev.ballast.vmm.memory;

/** A range of guest physical addresses is not (wholly) guest RAM. Usually the guest's doing. */
public final class GuestAddressException extends Exception {
  private static final long serialVersionUID = 1L;

  private final long address;
  private final long length;

  /**
   * @param address the first guest physical address of the range
   * @param length its length in bytes
   */
  public GuestAddressException(long address, long length) {
    // A hostile guest can cause these at full rate: no stack trace, no suppression.
    super(null, null, false, false);
    this.address = address;
    this.length = length;
  }

  @Override
  public String getMessage() {
    return "guest address 0x%x, length 0x%x: not in guest RAM".formatted(address, length);
  }

  /** Returns the first guest physical address of the range. */
  public long address() {
    return address;
  }

  /** Returns the length of the range in bytes. */
  public long length() {
    return length;
  }
}
