/** Live migration: protocol, source, destination. */
module dev.ballast.migration {
  requires transitive dev.ballast.vmm;
  requires org.slf4j;
  requires static transitive org.jspecify;
}
