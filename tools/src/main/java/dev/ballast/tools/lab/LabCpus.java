package dev.ballast.tools.lab;

/**
 * Keeps each Java process of level 1 on one CPU, in turn.
 *
 * <p>QEMU emulates nested KVM unsoundly when vCPU threads are kicked from another CPU, as
 * ballooning does: sooner or later registers of level 2 turn up in level 1, or the other way round,
 * and one of them dies (seen with QEMU 7.2; not seen with one CPU, nor with all threads of a VMM on
 * one).
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
