package dev.ballast.tools.qmp;

/** A command that was answered with an error. */
public final class QmpException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String errorClass;

  /** Creates an exception from the members of QMP's {@code error}. */
  public QmpException(String errorClass, String desc) {
    super(desc);
    this.errorClass = errorClass;
  }

  QmpException(QmpErrorClass errorClass, String desc) {
    this(errorClass.qmpName(), desc);
  }

  static QmpException generic(String desc) {
    return new QmpException(QmpErrorClass.GENERIC_ERROR, desc);
  }

  /** Returns the name of the error's class, for instance {@code CommandNotFound}. */
  public String errorClass() {
    return errorClass;
  }
}
