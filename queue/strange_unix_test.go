//go:build unix

package queue

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"
)

// strange makes files that are no regular ones.
func strange(t *testing.T, dir string) []string {
	t.Helper()
	fifo, socket := filepath.Join(dir, "fifo"), filepath.Join(dir, "socket")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return []string{fifo, socket}
}
