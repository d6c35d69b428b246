//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"
)

// What is never taken in must neither keep the agent nor have it started in a
// circle: the agent and its path unit look at the same files.
func TestAnIdleAgentWaitsForWholeDroppedMessagesOnly(t *testing.T) {
	for name, empty := range map[string]bool{"x.mail": false, "x.new": true, "x.bad": true, ".hidden": true, "junk": true} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		if i := (&idler{drop: dir}); i.dropEmpty() != empty {
			t.Errorf("with %s in the drop directory it is taken for empty: %v", name, !empty)
		}
	}
	if i := (&idler{drop: filepath.Join(t.TempDir(), "none")}); i.dropEmpty() {
		t.Error("a directory that cannot be read is taken for empty")
	}
}
