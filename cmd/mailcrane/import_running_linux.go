package main

import (
	"os"
	"path/filepath"
	"strings"
)

// processRuns says that a process with that name is there; the kernel keeps the
// first 15 octets of a name.
func processRuns(name string) bool {
	files, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return false
	}
	for _, file := range files {
		comm, err := os.ReadFile(file)
		if err == nil && strings.TrimSuffix(string(comm), "\n") == name[:min(15, len(name))] {
			return true
		}
	}
	return false
}
