package lab

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A KeyringMode says what a program finds when it asks for the Secret Service.
type KeyringMode string

// The modes.
const (
	Unlocked  KeyringMode = "unlocked" // gnome-keyring, open
	Locked    KeyringMode = "locked"   // gnome-keyring, locked; its prompt is refused at once
	Stuck     KeyringMode = "stuck"    // gnome-keyring, locked; its prompt waits for ever
	NoKeyring KeyringMode = "none"     // a session bus, and no Secret Service on it
	NoBus     KeyringMode = "nobus"    // no session bus
)

// A Seed is a secret that is in the keyring before it is locked, stored under
// the attributes service and username.
type Seed struct{ Service, User, Secret string }

// keyringChild is set in the environment of a test that runs beside a keyring.
const keyringChild = "MAILCRANE_LAB_IN_KEYRING"

// InKeyring runs the calling test a second time as a process of its own beside
// a real Secret Service, with a home and a session bus of its own. It is false
// in the first process, which has nothing more to do, and true in the second:
//
//	func TestSecretComesFromTheKeyring(t *testing.T) {
//		if !lab.InKeyring(t, lab.Unlocked, lab.Seed{"mailcrane", "me", "sekrit"}) {
//			return
//		}
//		… // here the keyring is
//	}
//
// What the second process says is the result of the first one.
func InKeyring(t *testing.T, mode KeyringMode, seeds ...Seed) bool {
	t.Helper()
	if os.Getenv(keyringChild) == t.Name() {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := KeyringCommand(t, mode, seeds, self, "-test.v", "-test.count=1", "-test.run="+exactly(t.Name()))
	cmd.Env = append(cmd.Env, keyringChild+"="+t.Name())
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		t.Fatalf("beside a keyring (%s): %v\n%s", mode, err, out)
	case bytes.Contains(out, []byte("--- SKIP: "+t.Name()+" ")):
		t.Skipf("beside a keyring (%s):\n%s", mode, out)
	case !bytes.Contains(out, []byte("--- PASS: "+t.Name()+" ")):
		t.Fatalf("the test did not run beside a keyring (%s):\n%s", mode, out)
	}
	return false
}

// KeyringCommand is a command to be run beside a real Secret Service. Set more
// of its environment with append(cmd.Env, …); HOME, XDG_RUNTIME_DIR and the
// bus are set by the session.
func KeyringCommand(t testing.TB, mode KeyringMode, seeds []Seed, name string, args ...string) *exec.Cmd {
	t.Helper()
	for _, program := range []string{"dbus-run-session", "gdbus", "gnome-keyring-daemon", "secret-tool"} {
		if _, err := exec.LookPath(program); err != nil {
			Missing(t, "gnome-keyring ("+program+")", "internal/lab/lab.sh install clients")
		}
	}
	cmd := exec.Command(script("keyring.sh"), append([]string{string(mode), name}, args...)...)
	cmd.Env = append(os.Environ(), "KEYRING_SEEDS="+seedFile(t, seeds))
	return cmd
}

func seedFile(t testing.TB, seeds []Seed) string {
	t.Helper()
	var lines strings.Builder
	for _, s := range seeds {
		if strings.ContainsAny(s.Service+s.User+s.Secret, "\t\n") {
			t.Fatalf("a seed of the keyring must be without tabs and newlines: %+v", s)
		}
		fmt.Fprintf(&lines, "%s\t%s\t%s\n", s.Service, s.User, s.Secret)
	}
	path := filepath.Join(t.TempDir(), "seeds")
	if err := os.WriteFile(path, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// exactly is the -test.run pattern for one test or subtest.
func exactly(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}
