#!/bin/bash
# Fuzzes every target of every package, one after another, each for a time:
#   fuzz.sh 5m
# What is found stands in the package's testdata/fuzz, and fails its tests from then on.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# = 1 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 64; }
failed=0
for package in $(go list ./...); do
  for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
    echo "== $target of $package"
    # To make what is merely interesting smaller takes longer than to find it
    # where goroutines make the coverage waver.
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 10x "$package" || failed=1
  done
done
exit $failed
