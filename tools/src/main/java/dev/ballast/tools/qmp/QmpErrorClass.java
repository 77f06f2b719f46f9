package dev.ballast.tools.qmp;

/** The classes of errors in QMP. */
public enum QmpErrorClass {
  /** Anything that has no class of its own. */
  GENERIC_ERROR("GenericError"),
  /** There is no such command, or not at this moment. */
  COMMAND_NOT_FOUND("CommandNotFound"),
  /** The device is not there, or not in use. */
  DEVICE_NOT_ACTIVE("DeviceNotActive"),
  /** Nothing of that name is there. */
  DEVICE_NOT_FOUND("DeviceNotFound");

  private final String qmpName;

  QmpErrorClass(String qmpName) {
    this.qmpName = qmpName;
  }

  /** Returns the name in QMP. */
  public String qmpName() {
    return qmpName;
  }
}
