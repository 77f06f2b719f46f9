/** Every native call of Ballast, and nothing else. */
module dev.ballast.ffi {
  exports dev.ballast.ffi.kvm;
  exports dev.ballast.ffi.linux;

  requires static transitive org.jspecify;
}
