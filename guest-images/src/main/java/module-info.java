/** The guests: the bare test guest, Linux guest images, the initramfs builder. */
module dev.ballast.guest {
  requires static transitive org.jspecify;
}
