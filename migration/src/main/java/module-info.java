/** Live migration: protocol, source, destination. */
module dev.ballast.migration {
  exports dev.ballast.migration.channel;
  exports dev.ballast.migration.destination;
  exports dev.ballast.migration.protocol;
  exports dev.ballast.migration.source;

  requires transitive dev.ballast.vmm;
  requires com.github.luben.zstd_jni;
  requires org.lz4.java;
  requires org.slf4j;
  requires static transitive org.jspecify;
}
