#!/bin/bash
# Makes the packages, dist/mailcrane_VERSION_ARCH.deb and .rpm, and prints their
# names. DIST is another directory for them, and KIND=deb makes that one alone.
# VERSION is by default the number of commits, so that each build is an upgrade
# of those before. GOARCH=arm64 and the like build for another machine. Wants Go
# and nfpm (go install github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4).
set -euo pipefail
cd "$(dirname "$0")/../.."
NFPM=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4

VERSION=${VERSION:-0.0.$(git rev-list --count HEAD 2>/dev/null || echo 0)}
ARCH=$(go env GOARCH)
# The same commit gives the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
DIST=$(realpath -m "${DIST:-dist}")
stage=dist/stage
export VERSION ARCH SOURCE_DATE_EPOCH

rm -rf $stage
mkdir -p "$DIST" $stage/bin $stage/own $stage/completion $stage/man

CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o $stage/bin/ ./cmd/...
# What the commands say of themselves is said by one that runs here.
CGO_ENABLED=0 GOOS='' GOARCH='' go build -trimpath -o $stage/own/mailcrane ./cmd/mailcrane
for shell in bash zsh fish; do
  $stage/own/mailcrane completion "$shell" >$stage/completion/mailcrane.$shell
done
cp docs/man/*.1 $stage/man/
gzip -n -9 $stage/man/*.1
$stage/own/mailcrane service files --config installer/packages/mailcrane.toml $stage/service /usr/lib/mailcrane/mailcrane

chmod -R u=rwX,go=rX $stage
for kind in ${KIND:-deb rpm}; do
  if command -v nfpm >/dev/null; then
    nfpm package --config installer/packages/nfpm.yaml --packager "$kind" --target "$DIST"
  else
    go run "$NFPM" package --config installer/packages/nfpm.yaml --packager "$kind" --target "$DIST"
  fi
done
