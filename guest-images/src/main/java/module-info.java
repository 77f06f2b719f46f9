/** The guests: the bare test guest, Linux guest images, the initramfs builder. */
module dev.ballast.guest {
  exports dev.ballast.guest.initramfs;
  exports dev.ballast.guest.linux;

  requires org.apache.commons.compress;
  requires static transitive org.jspecify;
}
