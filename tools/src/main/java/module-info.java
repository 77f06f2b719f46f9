/** Command line, QMP server, lab, bench, reports: where it is all put together. */
module dev.ballast.tools {
  requires dev.ballast.migration;
  requires dev.ballast.virtio;
  requires dev.ballast.guest;
  requires org.slf4j;
  requires static transitive org.jspecify;
}
