package dev.ballast.vmm.state;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Executor;

/** A part of the machine whose state migrates. */
public interface Snapshottable {
  /** Returns the name of the section; unique in a machine, for instance {@code serial0}. */
  String stateName();

  /**
   * Returns the version that {@link #saveState} writes; {@link #loadState} reads it and older ones.
   */
  int stateVersion();

  /** Returns about how many bytes {@link #saveState} writes. */
  default int sizeHint() {
    return 256;
  }

  /**
   * Returns the thread on which the state is saved and loaded; empty if any will do. Neighbours in
   * load order that have threads are saved, and loaded, at the same time ({@link StateSections}).
   */
  default Optional<Executor> executor() {
    return Optional.empty();
  }

  /**
   * Writes the state. Call while the machine is stopped.
   *
   * @throws IOException if KVM refuses to read state
   */
  void saveState(StateWriter writer) throws IOException;

  /**
   * Loads a state, in place of the present one. Call while the machine is stopped. Loading what
   * {@link #saveState} has just written changes nothing, however often it is done: a destination
   * does so before a guest arrives. What is not part of the state, such as input that still waits
   * outside of the machine, must therefore not become part of it here. Everything read is checked
   * before it is used as an index or a length; reading past the end is an error.
   *
   * @param reader the state
   * @param version the version it was written in, 1 to {@link #stateVersion}
   * @throws StateFormatException if the state is malformed or does not fit
   * @throws IOException if KVM refuses to set it
   */
  void loadState(StateReader reader, int version) throws IOException;
}
