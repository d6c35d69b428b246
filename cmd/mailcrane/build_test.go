package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// bin holds the two programs as they are installed, beside each other, with
// the names by which sendmail is called; scripts is where scripts work. Other
// users may enter both.
var bin, scripts string

// sleepChild names, to a test that is to be an agent in a process of its own,
// the file with what is added to its wall clock.
const sleepChild = "MAILCRANE_TEST_CLOCK"

// inMachine names, to a test that runs in a virtual machine, the folder with the
// programs.
const inMachine = "MAILCRANE_TEST_MACHINE"

func TestMain(m *testing.M) {
	if bin = os.Getenv(inMachine); bin != "" || os.Getenv(sleepChild) != "" {
		os.Exit(m.Run())
	}
	os.Exit(built(m))
}

// built runs the tests on freshly built programs. They are built without the
// race detector: what is tested here is what a person runs.
func built(m *testing.M) int {
	home, err := os.MkdirTemp("", "mailcrane-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(home)
	bin, scripts = filepath.Join(home, "bin"), filepath.Join(home, "scripts")
	err = errors.Join(os.Chmod(home, 0o755), os.Mkdir(bin, 0o755), os.Mkdir(scripts, 0o755))
	build := exec.Command("go", "build", "-o", bin+"/", "mailcrane/cmd/...")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err == nil {
		var said []byte
		if said, err = build.CombinedOutput(); err != nil {
			err = fmt.Errorf("go build: %w\n%s", err, said)
		}
	}
	for _, name := range []string{"mailq", "newaliases", "send-mail"} {
		if err == nil {
			err = os.Symlink("sendmail", filepath.Join(bin, name))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
