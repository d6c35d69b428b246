#!/bin/bash
# Runs a program for Windows under Wine, with a Windows of its own in
# $MAILCRANE_LAB/wine; also as a test runner:
#
#   GOOS=windows go test -exec "$PWD/internal/lab/wine.sh" ./netwatch
#
# Wine 8 has the IP Helper's tables, but not its notifications: it takes their
# registration, and never calls. It has no connectivity hints, no wireless
# networks and no Unix sockets.
# shellcheck disable=SC2034 # what lib.sh reads
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
export WINEPREFIX=$LAB/wine WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml="

# wine_install: Go wants bcryptprimitives.dll, which Wine 8 lacks: the one
# function of it that Go calls is another's under a new name.
wine_install() {
  host_packages wine wine64 gcc-mingw-w64-x86-64-win32
  local shim=$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll
  [ -e "$shim" ] && return
  say "making a Windows of Wine's (half a minute)"
  quietly wineboot /usr/lib/wine/wine64 wineboot -i
  cat >"$RUN/bcryptprimitives.c" <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T n) { return SystemFunction036(data, (ULONG)n); }
C
  quietly mingw x86_64-w64-mingw32-gcc-win32 -O2 -s -shared -o "$shim" "$RUN/bcryptprimitives.c" -ladvapi32
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  [ -e "$WINEPREFIX/system.reg" ] || die "Wine is not installed; run: internal/lab/lab.sh install wine"
  exec /usr/lib/wine/wine64 "$@"
fi
