#!/bin/bash
# A whole machine: a virtual one with a kernel and a systemd of its own, which can
# really be suspended (ACPI S3) and woken by its clock. It is emulated, since KVM
# is rarely at hand where tests run, or does not work; a core of its own lets it
# boot in some ten seconds.
#
#   machine.sh run TAR   boots one, unpacks TAR into its /root, runs /root/run there
#                        as root, prints what the console shows, and ends with the
#                        code of that
#
# Sourced by lab.sh, which installs it. What is written in it is gone afterwards,
# so any number may run. It has no network but its loopback.
# shellcheck shell=bash

machine_install() {
  local here=$LAB/machine
  [ -e "$here/ready" ] && return
  systemd_install
  host_packages qemu-system-x86 seabios busybox-static cpio kmod e2fsprogs tar
  say "making the virtual machine"
  rm -rf --one-file-system "$here"
  mkdir -p "$here"
  (cd "$here" && machine_kernel && machine_first && machine_disk)
  touch "$here/ready"
}

# machine_kernel: Debian's kernel for virtual machines.
machine_kernel() {
  local package
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*\)/\1/p' | head -n 1)
  [ -n "$package" ] || die "no kernel is known; run: apt-get update"
  # What is downloaded is checked by apt, which drops its rights and may not write here.
  # shellcheck disable=SC2016 # the inner shell expands it
  quietly machine-kernel sh -c 'cd "$1" && apt-get -o APT::Sandbox::User=root download "$2" && dpkg -x linux-image-*.deb kernel' sh "$PWD" "$package"
  rm linux-image-*.deb
  cp kernel/boot/vmlinuz-* vmlinuz
}

# machine_first: what runs before there is a disk: it loads the disk's driver.
machine_first() {
  local modules link
  modules=$(echo kernel/lib/modules/*)
  mkdir -p first/bin first/proc first/sys first/dev first/new first/modules
  cp "$(command -v busybox)" first/bin/busybox
  for link in sh mount insmod switch_root sleep; do ln -s busybox "first/bin/$link"; done
  depmod -b kernel "${modules##*/}"
  for link in virtio_pci virtio_blk; do
    modprobe -d "$PWD/kernel" -S "${modules##*/}" --show-depends "$link" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
  done | awk '!seen[$0]++' >order
  while read -r link; do cp "$link" first/modules/; done <order
  {
    echo '#!/bin/sh'
    echo 'mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev'
    sed 's|.*/|insmod /modules/|' order
    echo 'until [ -b /dev/vda ]; do sleep 0.1; done'
    echo 'mount -o rw /dev/vda /new; exec switch_root /new /lib/systemd/systemd'
  } >first/init
  chmod 755 first/init
  (cd first && find . | cpio -o -H newc --quiet) | gzip -1 >initrd
  rm -rf first kernel order
}

# machine_disk: the root of the systemd part, and what runs /root/run.
machine_disk() {
  cp -a --reflink=auto "$LAB/systemd/root" root
  echo machine >root/etc/hostname
  cat >root/etc/systemd/system/lab.service <<'UNIT'
[Unit]
After=dbus.service systemd-logind.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c "tar -xf /dev/vdb -C /root; cd /root; ./run >/dev/ttyS0 2>&1 </dev/null; echo LAB-ENDED=$$? >/dev/ttyS0; reboot -f"
[Install]
WantedBy=multi-user.target
UNIT
  mkdir -p root/etc/systemd/system/multi-user.target.wants
  ln -s ../lab.service root/etc/systemd/system/multi-user.target.wants/
  truncate -s 1G disk
  quietly machine-disk mkfs.ext4 -q -F -d root disk
  rm -rf root
}

# machine_run TAR
machine_run() {
  local tar=$1 here=$LAB/machine console code
  [ -e "$here/ready" ] || die "there is no virtual machine; run: internal/lab/lab.sh install machine"
  console=$(mktemp)
  # -no-reboot: it ends where it would boot again. Its power cannot be switched
  # off after it was suspended.
  timeout --kill-after=5 "${MACHINE_TIME:-200}" qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max -m 768 -smp 2 \
    -nographic -nodefaults -no-reboot -serial stdio -nic none -kernel "$here/vmlinuz" -initrd "$here/initrd" \
    -append "console=ttyS0 panic=-1 quiet systemd.show_status=0 systemd.mask=serial-getty@ttyS0.service" \
    -drive "file=$here/disk,format=raw,if=virtio,snapshot=on" -drive "file=$tar,format=raw,if=virtio,readonly=on" \
    </dev/null >"$console" 2>&1 || true
  sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g' "$console" | tr -d '\r'
  code=$(tr -d '\r' <"$console" | sed -n 's/.*LAB-ENDED=\([0-9]*\).*/\1/p')
  rm "$console"
  exit "${code:-75}"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  . "$(dirname "$0")/lib.sh"
  case ${1:-}:$# in
  run:2) machine_run "$2" ;;
  *)
    sed -n '2,14s/^# \{0,1\}//p' "$0"
    exit 64
    ;;
  esac
fi
