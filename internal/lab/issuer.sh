# Sourced by lab.sh: a real issuer of tokens, dex (OpenID Connect, device codes),
# and a browser without a screen to log in there.
# shellcheck shell=bash

DEX=v0.0.0-20260806151424-ab64ed778070

# issuer_install: built from the source of its module. One part of dex is a module of
# its own, the messages of its gRPC API, which a proxy does not have by their commit;
# nobody asks that API here, so that dex is built with one that answers nothing, over
# the last release of that part.
DEX_API=v2.4.0

issuer_install() {
  certificates
  [ "$(cat "$LAB/issuer/version" 2>/dev/null)" = "$DEX" ] && [ -x "$LAB/issuer/dex" ] && return
  say "building dex (some minutes)"
  local into=$LAB/issuer source
  rm -rf "$into/src"
  mkdir -p "$into"
  quietly issuer-get go mod download -x "github.com/dexidp/dex@$DEX"
  source=$(go env GOMODCACHE)/github.com/dexidp/dex@$DEX
  cp -r "$source" "$into/src"
  chmod -R u+w "$into/src"
  rm -rf "$into/src/server/apiserver"
  mkdir "$into/src/server/apiserver"
  printf 'package apiserver\n\nimport "github.com/dexidp/dex/api/v2"\n\nfunc NewAPI(...any) api.DexServer { return api.UnimplementedDexServer{} }\n' >"$into/src/server/apiserver/api.go"
  (cd "$into/src" &&
    go mod edit -dropreplace github.com/dexidp/dex/api/v2 -require "github.com/dexidp/dex/api/v2@$DEX_API" &&
    CGO_ENABLED=0 quietly issuer-build go build -mod=mod -o "$into/dex" ./cmd/dex)
  rm -rf "$into/src"
  echo "$DEX" >"$into/version"
}

browser_install() { host_packages chromium; }
