# Sourced by lab.sh: what makes file systems of a test's own.
# shellcheck shell=bash

disks_install() { host_packages e2fsprogs util-linux; }
