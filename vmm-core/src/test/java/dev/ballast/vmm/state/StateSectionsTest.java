package dev.ballast.vmm.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class StateSectionsTest {
  private final List<String> order = Collections.synchronizedList(new ArrayList<>());
  private final List<ExecutorService> threads = new ArrayList<>();

  @AfterEach
  void close() {
    threads.forEach(ExecutorService::close);
  }

  private final class Part implements Snapshottable {
    private final String name;
    private final Optional<Executor> thread;
    private boolean loads = true;
    private int value;
    private String loadedOn = "";

    Part(String name, int value, boolean own) {
      this.name = name;
      this.value = value;
      if (own) {
        threads.add(Executors.newSingleThreadExecutor(Thread.ofPlatform().name(name).factory()));
        this.thread = Optional.of(threads.getLast());
      } else {
        this.thread = Optional.empty();
      }
    }

    @Override
    public String stateName() {
      return name;
    }

    @Override
    public int stateVersion() {
      return 1;
    }

    @Override
    public Optional<Executor> executor() {
      return thread;
    }

    @Override
    public void saveState(StateWriter writer) {
      order.add("save " + name);
      writer.u32(value);
    }

    @Override
    public void loadState(StateReader reader, int version) throws IOException {
      order.add("load " + name);
      loadedOn = Thread.currentThread().getName();
      int read = reader.u32();
      if (!loads) {
        throw reader.fail("this host has none");
      }
      value = read;
    }
  }

  private List<Part> machine() {
    return List.of(
        new Part("clock", 0, false),
        new Part("vcpu0", 1, true),
        new Part("vcpu1", 2, true),
        new Part("vcpu2", 3, true),
        new Part("irqchip", 4, false),
        new Part("serial", 5, false));
  }

  @Test
  void statesAreInOrderAndComeBackOnTheirThreads() throws IOException {
    List<Part> parts = machine();
    List<SectionState> states = StateSections.save(parts);
    assertThat(states)
        .extracting(state -> (int) state.bytes()[0])
        .containsExactly(0, 1, 2, 3, 4, 5);
    parts.forEach(part -> part.value = -1);
    StateSections.load(parts, states);
    assertThat(parts).extracting(part -> part.value).containsExactly(0, 1, 2, 3, 4, 5);
    assertThat(parts.subList(1, 4))
        .extracting(part -> part.loadedOn)
        .containsExactly("vcpu0", "vcpu1", "vcpu2");
    String here = Thread.currentThread().getName();
    assertThat(parts.get(4).loadedOn).isEqualTo(here);
  }

  @Test
  void aPartWithoutAThreadWaitsForThoseBeforeIt() throws IOException {
    List<Part> parts = machine();
    StateSections.load(parts, StateSections.save(parts));
    List<String> loads = order.stream().filter(line -> line.startsWith("load")).toList();
    assertThat(loads.getFirst()).isEqualTo("load clock");
    assertThat(loads.subList(1, 4))
        .containsExactlyInAnyOrder("load vcpu0", "load vcpu1", "load vcpu2");
    assertThat(loads.subList(4, 6)).containsExactly("load irqchip", "load serial");
  }

  @Test
  void theFirstThatFailsIsNamedAndNothingAfterItsGroupIsLoaded() throws IOException {
    List<Part> parts = machine();
    List<SectionState> states = StateSections.save(parts);
    parts.get(2).loads = false;
    parts.get(3).loads = false;
    assertThatThrownBy(() -> StateSections.load(parts, states))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("vcpu1: this host has none");
    assertThat(order).doesNotContain("load irqchip");
  }

  @Test
  void leftOverBytesAreAnError() throws IOException {
    List<Part> parts = machine();
    List<SectionState> states = new ArrayList<>(StateSections.save(parts));
    states.set(2, new SectionState(1, new byte[5]));
    assertThatThrownBy(() -> StateSections.load(parts, states))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("vcpu1");
  }
}
