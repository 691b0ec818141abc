#!/bin/sh
# run.sh BUILD NAME OPTION...: runs one fuzzer over the cases that are kept, and on from there.
# What it finds goes to BUILD/found/NAME. With -runs=N it starts from the kept cases alone.
set -eu
build=$1 name=$2
shift 2
here=$(dirname "$0")
found=$build/found/$name
case "$*" in *-runs=*) found=$build/found/$name.short && rm -rf "$found" ;; esac
mkdir -p "$found"
seeds=
[ "$name" != snapshot ] || seeds=$here/../snapshots
longest=4096
case "$name" in image) longest=161 ;; text) longest=512 ;; snapshot) longest=20000 ;; elf) longest=16384 ;; esac
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=1:max_allocation_size_mb=1024"
exec "$build/${name}_fuzzer" -timeout=120 -rss_limit_mb=2048 -max_len=$longest \
    -print_final_stats=1 -artifact_prefix="$found/" "$@" "$found" "$here/corpus/$name" $seeds
