package dev.ballast.virtio.mock;

/** The registers of a device as a driver uses them, whatever the transport. */
public interface DriverRegisters {
  /** Returns the device ID. */
  int deviceId();

  /** Returns the device status. */
  int status();

  /** Writes the device status; 0 resets. */
  void status(int value);

  /** Returns all features that the device offers. */
  long offeredFeatures();

  /** Writes the features that the driver accepts. */
  void acceptedFeatures(long features);

  /** Selects a queue. */
  void selectQueue(int index);

  /** Returns the most descriptors that the selected queue may have. */
  int maxQueueSize();

  /** Writes where the selected queue is, without enabling it. */
  void queue(int size, long table, long available, long used);

  /** Enables or disables the selected queue. */
  void queueReady(boolean ready);

  /** Notifies the device of a queue, as an exit of a vCPU would. */
  void notifyQueue(int index);

  /** Returns why the device interrupted. */
  int interruptStatus();

  /** Acknowledges reasons. */
  void acknowledgeInterrupt(int reasons);

  /** Returns what changes with the configuration space. */
  int configGeneration();

  /** Reads the configuration space. */
  long readConfig(int offset, int size);

  /** Writes the configuration space. */
  void writeConfig(int offset, int size, long value);
}
