#!/bin/sh
# Generates dev.ballast.ffi.generated.* with jextract into the source directory given as $1. jextract is the one in the
# directory $2, else in $JEXTRACT_HOME, else on PATH.
# The tool and the kernel headers are pinned, since others write other text. Revisions of jextract do not differ in
# what --version prints, and some of them write accessors of array elements that miss the array: take the one below.
# Exit status: 0 done, 3 jextract or the headers are not the ones pinned here, 1 anything else.
set -eu
output=${1:?usage: generate.sh OUTPUT_DIRECTORY [JEXTRACT_HOME]}
home=${2:-${JEXTRACT_HOME:-}}
here=$(cd "$(dirname "$0")" && pwd)

jextract_version="jextract 23"
jextract_revision="f9866df3a178baa2e4a3746a7a6e458d783ace92"
libclang_version="14.0"
header_version="6.1"

wanted="$jextract_version of https://github.com/openjdk/jextract at $jextract_revision, built with libclang $libclang_version"

if [ -n "$home" ]; then
  jextract=$home/bin/jextract
else
  jextract=$(command -v jextract || true)
fi
if [ ! -x "$jextract" ]; then
  echo "jextract not found${jextract:+ at $jextract}: set jextract.home or JEXTRACT_HOME to the home of one, or put it on PATH" >&2
  echo "need $wanted" >&2
  exit 3
fi
found=$("$jextract" --version 2>&1)
if [ "$(echo "$found" | head -n 1)" != "$jextract_version" ]; then
  echo "need $wanted, found: $found" >&2
  exit 3
fi
case $found in
  *"clang version $libclang_version"*) ;;
  *) echo "need $wanted, found: $found" >&2; exit 3 ;;
esac
major=$(awk '$2 == "LINUX_VERSION_MAJOR" { print $3 }' /usr/include/linux/version.h)
minor=$(awk '$2 == "LINUX_VERSION_PATCHLEVEL" { print $3 }' /usr/include/linux/version.h)
if [ "$major.$minor" != "$header_version" ]; then
  echo "need the kernel headers of Linux $header_version, found $major.$minor" >&2
  exit 3
fi

for part in "kvm KvmH" "boot BootH" "virtio VirtioH" "linux LinuxH"; do
  package=${part% *}
  rm -rf "$output/dev/ballast/ffi/generated/$package"
  "$jextract" "@$here/$package.includes" --target-package "dev.ballast.ffi.generated.$package" \
    --header-class-name "${part#* }" --output "$output" "$here/$package.h"
done
