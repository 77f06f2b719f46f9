/** Command line, QMP server, lab, bench, reports: where it is all put together. */
module dev.ballast.tools {
  requires com.fasterxml.jackson.databind;
  requires dev.ballast.guest;
  requires dev.ballast.migration;
  requires dev.ballast.virtio;
  requires info.picocli;
  requires org.apache.commons.compress;
  requires org.jline;
  requires org.slf4j;
  requires dev.ballast.vmm;
  requires static transitive org.jspecify;

  opens dev.ballast.tools.cli to
      info.picocli;
}
