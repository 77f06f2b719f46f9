#!/bin/sh
# Builds the bare guest: build.sh OUTPUT. CC names another compiler than cc.
set -eu
export LC_ALL=C # one order of the sources everywhere
output=$1
source=$(dirname "$0")
compiler=${CC:-cc}

if ! command -v "$compiler" >/dev/null 2>&1; then
  echo "The bare guest is built with a C compiler, and '$compiler' was not found: install gcc (Debian: apt-get install gcc libc6-dev), or name one in CC." >&2
  exit 1
fi
machine=$("$compiler" -dumpmachine)
case $machine in
x86_64* | amd64*) ;;
*)
  echo "The bare guest is x86-64 code, and '$compiler' makes code for $machine: name a cross compiler in CC." >&2
  exit 1
  ;;
esac

mkdir -p "$(dirname "$output")"
exec "$compiler" -std=gnu17 -O2 -Wall -Wextra -Werror -march=x86-64 -mgeneral-regs-only -mno-red-zone -mcmodel=small \
  -ffreestanding -fno-pic -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables \
  -fno-strict-aliasing -fno-tree-loop-distribute-patterns -nostdlib -static -no-pie \
  -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,-T,"$source/bare.ld" \
  -o "$output" "$source"/start.S "$source"/*.c
