package msp

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// HandOff runs "mailcrane sendmail ARGS": the mailcrane that stands beside
// this program, never one that a search path finds. Where nothing is left to
// do here, it takes the place of this process.
func HandOff(args []string, comeBack bool) (int, error) {
	own, err := os.Executable()
	if err != nil {
		return 0, err
	}
	if real, err := filepath.EvalSymlinks(own); err == nil {
		own = real
	}
	path := filepath.Join(filepath.Dir(own), "mailcrane"+filepath.Ext(own))
	argv := append([]string{path, "sendmail"}, args...)
	if !comeBack && runtime.GOOS != "windows" {
		err := syscall.Exec(path, argv, os.Environ())
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	child, err := os.StartProcess(path, argv, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		return 0, err
	}
	state, err := child.Wait()
	if err != nil {
		return 0, err
	}
	return state.ExitCode(), nil
}
