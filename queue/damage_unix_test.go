//go:build unix

package queue

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestWhatStandsInPlaceOfAMessageIsSetAside(t *testing.T) {
	t.Parallel()
	d := newDamagedSpool(t)
	w := newWaiting(t)
	for _, c := range []struct {
		what string
		make func(path string) error
	}{
		{"a directory", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"a directory with a file in it", func(path string) error { return os.MkdirAll(filepath.Join(path, "f"), 0o700) }},
		{"a FIFO, which nobody writes to", func(path string) error { return syscall.Mkfifo(path, 0o600) }},
		{"a link to a message", func(path string) error { return os.Symlink(filepath.Join(d.Dir(), "whole"), path) }},
		{"a link to itself", func(path string) error { return os.Symlink(path, path) }},
		{"a file of nothing, as large as a disk", func(path string) error {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(path, 1<<28)
		}},
	} {
		w.name.ID = d.id()
		if err := c.make(filepath.Join(d.QueueDir(), w.name.String())); err != nil {
			t.Fatal(err)
		}
		d.how[w.name.String()] = c.what
	}
	if err := os.WriteFile(filepath.Join(d.Dir(), "whole"), w.file, 0o600); err != nil {
		t.Fatal(err)
	}
	d.list()
	d.flush()
	d.check()
}
