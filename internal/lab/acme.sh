# Sourced by lab.sh: a real authority that gives certificates by ACME, pebble.
# shellcheck shell=bash

PEBBLE=v2.10.1

acme_install() {
  certificates
  [ "$(cat "$LAB/acme/version" 2>/dev/null)" = "$PEBBLE" ] && [ -x "$LAB/acme/pebble" ] && return
  say "building pebble"
  mkdir -p "$LAB/acme"
  GOBIN=$LAB/acme CGO_ENABLED=0 quietly acme-build go install "github.com/letsencrypt/pebble/v2/cmd/pebble@$PEBBLE"
  echo "$PEBBLE" >"$LAB/acme/version"
}
