#!/bin/sh
# Builds the bench's yardstick: build.sh OUTPUT. CC names another compiler than cc.
set -eu
export LC_ALL=C # one order of the sources everywhere
output=$1
source=$(dirname "$0")
compiler=${CC:-cc}

if ! command -v "$compiler" >/dev/null 2>&1; then
  echo "The bench's yardstick is built with a C compiler, and '$compiler' was not found: install gcc (Debian: apt-get install gcc libc6-dev), or name one in CC." >&2
  exit 1
fi

mkdir -p "$(dirname "$output")"
exec "$compiler" -std=gnu17 -O2 -Wall -Wextra -Werror -pthread -Wl,--build-id=none -o "$output" "$source"/*.c
