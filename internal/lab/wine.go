package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A Windows is one of Wine's, which all tests share: its programs, its services
// and the profile of its one user.
type Windows struct{}

// Wine is the Windows of this machine.
func Wine(t testing.TB) Windows {
	t.Helper()
	if _, err := os.Stat(filepath.Join(Root(), "wine/system.reg")); err != nil {
		Missing(t, "Wine", "internal/lab/lab.sh install wine")
	}
	return Windows{}
}

// Command runs a program of Windows, by its path on this machine.
func (Windows) Command(program string, args ...string) *exec.Cmd {
	return exec.Command(script("wine.sh"), append([]string{program}, args...)...)
}

// Path is how Windows names a file of this machine.
func (Windows) Path(here string) string { return "Z:" + strings.ReplaceAll(here, "/", `\`) }
