# Sourced by lab.sh: a real issuer of tokens, dex (OpenID Connect, device codes),
# and a browser without a screen to log in there.
# shellcheck shell=bash

DEX=v0.0.0-20260806151424-ab64ed778070

# issuer_install: built in a module of its own, since dex has one of its parts
# replaced by a folder, and Go installs nothing like that by name.
issuer_install() {
  certificates
  [ "$(cat "$LAB/issuer/version" 2>/dev/null)" = "$DEX" ] && [ -x "$LAB/issuer/dex" ] && return
  say "building dex (some minutes)"
  local into=$LAB/issuer
  mkdir -p "$into/src"
  printf 'module dexbuild\n\ngo 1.26.0\n' >"$into/src/go.mod"
  (cd "$into/src" &&
    quietly issuer-get go get "github.com/dexidp/dex/cmd/dex@$DEX" "github.com/dexidp/dex/api/v2@${DEX##*-}" &&
    CGO_ENABLED=0 quietly issuer-build go build -o "$into/dex" github.com/dexidp/dex/cmd/dex)
  rm -rf "$into/src"
  echo "$DEX" >"$into/version"
}

browser_install() { host_packages chromium; }
