// Package lab gives tests the real parts that the program meets: Postfix, Exim
// and OpenSMTPD as smarthosts, a Secret Service, clients, and a laptop's network whose
// way out comes and goes.
//
// The parts are installed by lab.sh in this folder (Debian 12, as root) and
// shared by all tests of a machine, also by packages that are tested at the
// same time: a test takes recipients of its own from Mailbox.Address and looks
// for those only.
//
// A test whose part is not there is skipped, and says which command installs
// it. Where MAILCRANE_LAB_REQUIRED=1 is set it fails instead, so that nothing
// is skipped unseen in CI.
package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Root is where lab.sh keeps the parts: $MAILCRANE_LAB, or
// /var/tmp/mailcrane-lab.
func Root() string {
	if dir := os.Getenv("MAILCRANE_LAB"); dir != "" {
		return dir
	}
	return "/var/tmp/mailcrane-lab"
}

// Missing ends the test because a part is not there: skipped, or failed where
// the lab is required. what is the part's name, fix the command that gets it.
func Missing(t testing.TB, what, fix string) {
	t.Helper()
	if os.Getenv("MAILCRANE_LAB_REQUIRED") == "1" {
		t.Fatalf("needs %s, and MAILCRANE_LAB_REQUIRED=1 is set; run: %s", what, fix)
	}
	t.Skipf("needs %s; run: %s", what, fix)
}

// Client is the path of a program that sends mail or helps to: git (whose
// send-email is asked for as "git-send-email"), mutt, s-nail, bsd-mailx, cron,
// swaks, python3, php, emacs, or whatever else is on this machine.
func Client(t testing.TB, name string) string {
	t.Helper()
	for _, place := range []string{
		name,
		filepath.Join(Root(), "clients/usr/bin", name), // unpacked, since its package insists on an MTA
		filepath.Join("/usr/lib/git-core", name),
		filepath.Join("/usr/sbin", name), // cron, where PATH is a user's
	} {
		if path, err := exec.LookPath(place); err == nil {
			return path
		}
	}
	Missing(t, name, "internal/lab/lab.sh install clients")
	return ""
}

// needRoot ends the test where it is not run by root, which owns the parts.
func needRoot(t testing.TB, what string) {
	t.Helper()
	if os.Getuid() != 0 {
		Missing(t, what+" and to be root", "sudo go test ./...")
	}
}

// script is the path of a shell script of this package's source folder.
func script(name string) string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), name)
}
