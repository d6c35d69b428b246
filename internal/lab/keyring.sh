#!/bin/bash
# Runs a command beside a real Secret Service (gnome-keyring), on a session bus
# and with a home of its own, both gone afterwards.
#
#   keyring.sh unlocked CMD...  the login collection is open
#   keyring.sh locked CMD...    it is locked, and asking for it to be opened is
#                               refused at once, since there is no display
#   keyring.sh stuck CMD...     it is locked, and asking for it to be opened gets
#                               no answer ever, as when a dialogue waits unseen
#   keyring.sh none CMD...      a session bus without any Secret Service
#   keyring.sh nobus CMD...     no session bus at all
#
# Secrets to be found there: $KEYRING_SEEDS names a file of lines
# SERVICE<TAB>USER<TAB>SECRET, stored under the attributes service and username.
set -euo pipefail

private_home() {
  home=$(mktemp -d)
  trap 'rm -rf "$home"' EXIT
  mkdir -p "$home/.local/share"
  mkdir -m 700 "$home/run"
  # A command that builds something must not start from an empty cache.
  export GOCACHE=${GOCACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/go-build} GOPATH=${GOPATH:-$HOME/go}
  unset DISPLAY WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME
  export HOME=$home XDG_RUNTIME_DIR=$home/run XDG_DATA_HOME=$home/.local/share
}

on_bus() { gdbus call --session -d org.freedesktop.DBus -o /org/freedesktop/DBus -m "org.freedesktop.DBus.$1" "${@:2}"; }

start_keyring() {
  # gnome-keyring takes its standard input to the end, a newline included, as
  # the password.
  printf labpass | gnome-keyring-daemon --unlock --components=secrets --foreground >"$HOME/keyring.log" 2>&1 &
  keyring=$!
  trap stop_all EXIT
  # Any call to org.freedesktop.secrets would have the bus start a second
  # daemon, so ask the bus instead.
  for _ in $(seq 200); do
    on_bus NameHasOwner org.freedesktop.secrets 2>/dev/null | grep -q true && return
    sleep .02
  done
  echo "keyring.sh: gnome-keyring did not come up:" >&2
  cat "$HOME/keyring.log" >&2
  exit 70
}

seed() {
  local service user secret
  [ -n "${KEYRING_SEEDS:-}" ] || return 0
  while IFS=$'\t' read -r service user secret; do
    printf %s "$secret" | secret-tool store --label="Password for '$user' on '$service'" service "$service" username "$user"
  done <"$KEYRING_SEEDS"
}

lock() {
  gdbus call --session -d org.freedesktop.secrets -o /org/freedesktop/secrets \
    -m org.freedesktop.Secret.Service.Lock "['/org/freedesktop/secrets/collection/login']" >/dev/null
}

# swallow_prompts: the program that shows the keyring's dialogues is one that
# never answers; the bus looks here first.
swallow_prompts() {
  mkdir -p "$XDG_DATA_HOME/dbus-1/services"
  printf '[D-BUS Service]\nName=org.gnome.keyring.SystemPrompter\nExec=/bin/sh -c "echo $$ >%s/prompter.pid; exec sleep 600"\n' \
    "$HOME" >"$XDG_DATA_HOME/dbus-1/services/org.gnome.keyring.SystemPrompter.service"
}

stop_all() {
  if [ -e "$HOME/prompter.pid" ]; then kill "$(cat "$HOME/prompter.pid")" || true; fi
  kill "$keyring" 2>/dev/null || true
  wait "$keyring" 2>/dev/null || true
}

mode=$1
shift
case $mode in
nobus)
  private_home
  "$@"
  ;;
unlocked | locked | stuck | none)
  private_home
  # Without this the bus would start gnome-keyring by itself.
  [ "$mode" != none ] || export XDG_DATA_DIRS=/nonexistent
  [ "$mode" != stuck ] || swallow_prompts
  dbus-run-session -- "$0" inside "$mode" "$@" 2> >(grep -vE 'dbus-daemon\[|discover_other|fd limit' >&2)
  ;;
inside)
  mode=$1
  shift
  if [ "$mode" != none ]; then
    start_keyring
    seed
    [ "$mode" = unlocked ] || lock
  fi
  unset KEYRING_SEEDS
  "$@"
  ;;
*)
  sed -n '2,15s/^# \{0,1\}//p' "$0"
  exit 64
  ;;
esac
