#!/bin/sh
# Builds kexec of the Linux guest: build.sh OUTPUT. CC names another compiler than cc; that there is one for
# x86-64 was seen when the bare guest was built.
set -eu
output=$1
source=$(dirname "$0")

mkdir -p "$(dirname "$output")"
exec "${CC:-cc}" -std=gnu17 -O2 -Wall -Wextra -Werror -march=x86-64 -ffreestanding -fno-pic -fno-stack-protector \
  -fcf-protection=none -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -nostdlib -static -no-pie \
  -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-s -o "$output" "$source/kexec.c"
