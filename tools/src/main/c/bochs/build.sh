#!/bin/sh
# Builds what runs in Bochs, the boot sector and the multiplexer: build.sh DIRECTORY. CC names another compiler than cc.
set -eu
directory=$1
source=$(dirname "$0")
compiler=${CC:-cc}

if ! command -v "$compiler" >/dev/null 2>&1; then
  echo "What the lab runs in Bochs is built with a C compiler, and '$compiler' was not found: install gcc (Debian: apt-get install gcc libc6-dev), or name one in CC." >&2
  exit 1
fi

mkdir -p "$directory"
"$compiler" -m32 -nostdlib -static -no-pie -Wa,--fatal-warnings -Wl,--build-id=none -Wl,-Ttext=0x7c00 \
  -Wl,-e,start -Wl,--oformat=binary -o "$directory/boot-sector" "$source/boot.S"
exec "$compiler" -std=gnu17 -O2 -Wall -Wextra -Werror -march=x86-64 -static -no-pie -Wl,--build-id=none -Wl,-s \
  -o "$directory/multiplexer" "$source/multiplexer.c"
