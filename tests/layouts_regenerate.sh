#!/bin/sh
# Makes the committed layout tables again, from the DWARF of the very interpreters that they name,
# and compares. A number that somebody edited by hand, or that a change of the generator lost, fails.
#
#   layouts_regenerate.sh LAYOUT_TABLE TABLES_FOLDER [--write]
#
# Interpreters are looked for in $HANGSPY_PYTHONS, or where pyenv keeps them. Where none of them is
# installed the test is skipped (77), but never in CI, where it would hide that nobody compares.
# --write replaces the tables instead of comparing; for a new version, write its file by hand first:
# one line `// CPython 3.X.Y,`.
set -u

layout_table=$1
tables=$2
write=${3:-}
pythons=${HANGSPY_PYTHONS:-$HOME/.pyenv/versions}
made=$(mktemp) || exit 2
trap 'rm -f "$made"' EXIT

compared=0
absent=
failed=0
for table in "$tables"/cpython_3_*.hpp; do
  version=$(sed -n '1s/^\/\/ CPython \([0-9.]*\),.*/\1/p' "$table")
  short=${version%.*}
  lib=$pythons/$version/lib
  library=$lib/libpython$short.so.1.0
  if [ ! -e "$library" ]; then
    absent="$absent $version"
    continue
  fi
  "$layout_table" "$version" "$library" "$lib/python$short"/lib-dynload/_asyncio.*.so \
    "$lib/python$short"/lib-dynload/_queue.*.so >"$made"
  made_code=$?
  if [ "$made_code" = 3 ]; then # stripped
    absent="$absent $version"
    continue
  fi
  [ "$made_code" = 0 ] || exit 1
  if [ "$write" = --write ]; then
    cp "$made" "$table"
  elif diff -u "$table" "$made"; then
    echo "$version: the same"
  else
    echo "$version: the committed table differs (--write replaces it)"
    failed=1
  fi
  compared=$((compared + 1))
done

[ "$failed" = 0 ] || exit 1
[ -z "$absent" ] || echo "not installed with DWARF in $pythons:$absent"
if [ -n "$absent" ] && [ "${CI:-}" = true ]; then exit 1; fi
if [ "$compared" = 0 ]; then exit 77; fi
