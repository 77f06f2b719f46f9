/** The guests: the bare test guest, Linux guest images, the initramfs builder. */
module dev.ballast.guest {
  exports dev.ballast.guest.bare;
  exports dev.ballast.guest.initramfs;
  exports dev.ballast.guest.linux;

  // Commons Compress decompresses with them where they are there, but does not require them.
  requires com.github.luben.zstd_jni;
  requires org.tukaani.xz;
  requires org.apache.commons.compress;
  requires static transitive org.jspecify;
}
