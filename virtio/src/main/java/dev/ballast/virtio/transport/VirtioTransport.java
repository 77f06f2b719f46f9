package dev.ballast.virtio.transport;

import dev.ballast.ffi.linux.EventFd;
import dev.ballast.vmm.device.MachineDevice;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * The part that all transports share: a device, its queues and their life cycle. A transport adds
 * registers, which it decodes into calls of {@link #common}, and wires for interrupts.
 *
 * <p>Registers may be accessed by several vCPUs at once. The device starts to handle its queues
 * when the driver sets DRIVER_OK; after {@link #loadState}, when {@link #resume} is called.
 */
public abstract class VirtioTransport implements MachineDevice {
  private final String name;
  private final VirtioDevice device;
  private final CommonConfiguration common;

  /**
   * Starts the threads of the queues.
   *
   * @param name the name of the device, for instance {@code balloon0}, and of its section in the
   *     machine's state
   * @param device the device behind it, used by this transport alone and closed with it
   * @param memory guest RAM
   * @param wires how the device interrupts its driver
   * @param notifiers the eventfds that the driver's notifications signal, by queue number; closed
   *     after this
   */
  protected VirtioTransport(
      String name,
      VirtioDevice device,
      GuestMemory memory,
      DeviceInterrupts wires,
      List<EventFd> notifiers) {
    this.name = name;
    this.device = device;
    this.common = new CommonConfiguration(name, device, memory, wires, notifiers);
  }

  /** Returns the device behind it. */
  public final VirtioDevice device() {
    return device;
  }

  /** Returns the first virtio device of a kind among a machine's devices. */
  public static <D extends VirtioDevice> Optional<D> find(
      List<MachineDevice> devices, Class<D> kind) {
    return devices.stream()
        .filter(VirtioTransport.class::isInstance)
        .map(transport -> ((VirtioTransport) transport).device)
        .filter(kind::isInstance)
        .map(kind::cast)
        .findFirst();
  }

  /** Returns the registers common to all transports. */
  protected final CommonConfiguration common() {
    return common;
  }

  /** Returns how often the driver broke a rule of virtio, or the host failed; all are logged. */
  public final long faults() {
    return common.faults();
  }

  /**
   * Returns how often the host or the device failed, without a fault of the driver. The driver sees
   * DEVICE_NEEDS_RESET, and the log has the cause.
   */
  public final long failures() {
    return common.failures();
  }

  /** Waits for the batch and for what the device began ({@link VirtioDevice#quiesce}). */
  @Override
  public void quiesce() {
    common.quiesce();
  }

  @Override
  public void resume() {
    common.resume();
  }

  @Override
  public void reset() {
    common.reset();
  }

  @Override
  public final long offeredFeatures() {
    return device.features() | VirtioFeature.VERSION_1;
  }

  /** Closes the device, then ends the threads of the queues. The notifiers must still be open. */
  @Override
  public void close() {
    common.close();
  }

  @Override
  public final String stateName() {
    return name;
  }

  @Override
  public int stateVersion() {
    return 1;
  }

  @Override
  public void saveState(StateWriter writer) {
    common.saveState(writer);
  }

  @Override
  public void loadState(StateReader reader, int version) throws IOException {
    common.loadState(reader);
  }
}
