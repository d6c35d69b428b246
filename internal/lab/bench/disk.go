//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// A disk is an ext4 with a journal, as most machines have one, whatever the file
// system below it is: what is kept there is made durable in the same way for all
// who take part.
type disk struct {
	dir  string
	undo []func() // the last one mounted first
}

// onDisk calls f with a disk of its own.
func (w *workshop) onDisk(f func(*disk) error) error {
	const octets = 2 << 30
	image := filepath.Join(w.dir, "disk.img")
	d := &disk{dir: filepath.Join(w.dir, "disk")}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(image, octets); err != nil {
		return err
	}
	if text, err := exec.Command("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", image).CombinedOutput(); err != nil {
		return fmt.Errorf("mkfs.ext4: %w: %s", err, text)
	}
	defer w.undoing.later(func() {
		for _, undo := range d.undo {
			undo()
		}
		os.Remove(image)
	})()
	if err := d.mount(image, d.dir, "-o", "loop"); err != nil {
		return err
	}
	return f(d)
}

// lend has a directory be one of the disk's, by the name given.
func (d *disk) lend(name, dir string) error {
	own := filepath.Join(d.dir, name)
	if err := os.MkdirAll(own, 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	// It stays the directory that it was: owner, mode and what is in it.
	if text, err := exec.Command("cp", "-aT", dir, own).CombinedOutput(); err != nil {
		return fmt.Errorf("cp: %w: %s", err, text)
	}
	return d.mount(own, dir, "--bind")
}

func (d *disk) mount(what, where string, options ...string) error {
	if text, err := exec.Command("mount", append(options, what, where)...).CombinedOutput(); err != nil {
		return fmt.Errorf("mounting %s: %w: %s", where, err, text)
	}
	d.undo = append([]func(){func() { _ = exec.Command("umount", "-l", where).Run() }}, d.undo...)
	return nil
}
