#!/bin/sh
# Builds the boot sector of the disk that Bochs boots from: build.sh OUTPUT. CC names another compiler than cc.
set -eu
output=$1
source=$(dirname "$0")
compiler=${CC:-cc}

if ! command -v "$compiler" >/dev/null 2>&1; then
  echo "The lab's boot sector is built with a C compiler, and '$compiler' was not found: install gcc (Debian: apt-get install gcc libc6-dev), or name one in CC." >&2
  exit 1
fi

mkdir -p "$(dirname "$output")"
exec "$compiler" -m32 -nostdlib -static -no-pie -Wa,--fatal-warnings -Wl,--build-id=none -Wl,-Ttext=0x7c00 \
  -Wl,-e,start -Wl,--oformat=binary -o "$output" "$source/boot.S"
