# Sourced by lab.sh: what makes disks whose power can be cut. nbdkit and FUSE
# make one with a volatile write cache.
# shellcheck shell=bash

disks_install() { host_packages e2fsprogs util-linux nbdkit libnbd-bin fuse3; }
