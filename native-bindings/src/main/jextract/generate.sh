#!/bin/sh
# Generates dev.ballast.ffi.generated.* with jextract into the source directory given as $1.
# The tool and the kernel headers are pinned, since other versions write other text.
# Exit status: 0 done, 3 jextract or the headers are not the ones pinned here, 1 anything else.
set -eu
output=${1:?usage: generate.sh OUTPUT_DIRECTORY}
here=$(cd "$(dirname "$0")" && pwd)

jextract_version="jextract 23"
libclang_version="14.0"
header_version="6.1"

if [ -n "${JEXTRACT_HOME:-}" ]; then
  jextract=$JEXTRACT_HOME/bin/jextract
else
  jextract=$(command -v jextract || true)
fi
if [ ! -x "$jextract" ]; then
  echo "jextract not found: set jextract.home or JEXTRACT_HOME, or put it on PATH" >&2
  exit 3
fi
found=$("$jextract" --version 2>&1)
if [ "$(echo "$found" | head -n 1)" != "$jextract_version" ]; then
  echo "need exactly '$jextract_version', found: $found" >&2
  exit 3
fi
case $found in
  *"clang version $libclang_version"*) ;;
  *) echo "need jextract with libclang $libclang_version, found: $found" >&2; exit 3 ;;
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
