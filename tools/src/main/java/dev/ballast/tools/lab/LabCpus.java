package dev.ballast.tools.lab;

/**
 * Keeps each Java process of level 1 on one CPU, in turn.
 *
 * <p>With QEMU 7.2 and two CPUs, most runs that ballooned a guest ended in a triple fault of level
 * 2 or in a panic of level 1 that showed registers of level 2. One run with one CPU did not, nor
 * did most with each VMM on one. The cause is not known. One that would fit is in QEMU's source, up
 * to 10.0 at least: once VMRUN has injected an interrupt, its vector stays behind as a pending
 * exception, which is delivered a second time if another thread kicks the emulated CPU before
 * anything clears it.
 */
final class LabCpus {
  /** Run once: makes a group for each CPU. */
  static final String SET_UP =
      """
      mkdir -p /sys/fs/cgroup
      mount -t cgroup2 none /sys/fs/cgroup
      echo +cpuset >/sys/fs/cgroup/cgroup.subtree_control
      lab_cpus=$(grep -c ^processor /proc/cpuinfo)
      lab_cpu=0
      while [ $lab_cpu -lt $lab_cpus ]; do
        mkdir /sys/fs/cgroup/cpu$lab_cpu
        echo $lab_cpu >/sys/fs/cgroup/cpu$lab_cpu/cpuset.cpus
        lab_cpu=$((lab_cpu + 1))
      done
      echo "0 $lab_cpus" >/run/lab-cpu
      """;

  /** Run by a shell that is about to become a JVM: puts itself into the next group. */
  static final String TAKE_ONE =
      """
      read -r lab_cpu lab_cpus </run/lab-cpu
      echo "$(((lab_cpu + 1) % lab_cpus)) $lab_cpus" >/run/lab-cpu
      echo $$ >/sys/fs/cgroup/cpu$lab_cpu/cgroup.procs
      """;

  private LabCpus() {}
}
