//go:build unix

package aliases

import (
	"os"
	"os/user"
	"strings"
	"testing"
)

func TestUsersAreThoseOfTheSystemWithTheirShells(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	u, ok, err := SystemUsers{}.Lookup(me.Username)
	if err != nil || !ok || u.Home != me.HomeDir || int(u.UID) != os.Getuid() {
		t.Fatalf("%+v, %v, %v", u, ok, err)
	}
	if by, ok, err := (SystemUsers{}).LookupUID(u.UID); err != nil || !ok || by != u {
		t.Errorf("by number: %+v, %v, %v", by, ok, err)
	}
	shell, err := SystemUsers{}.Shell(t.Context(), u.Name)
	if err != nil || !strings.HasPrefix(shell, "/") {
		t.Errorf("the shell is %q, %v", shell, err)
	}
	for _, name := range []string{"", "nobody-has-this-name", "../x", "-x", "root:x"} {
		if u, ok, err := (SystemUsers{}).Lookup(name); ok || err != nil {
			t.Errorf("%q is %+v, %v", name, u, err)
		}
	}
	if _, ok, err := (SystemUsers{}).LookupUID(4_000_000_000); ok || err != nil {
		t.Errorf("a number of nobody: %v, %v", ok, err)
	}
	if shell, err := (SystemUsers{}).Shell(t.Context(), "nobody-has-this-name"); err == nil {
		t.Errorf("nobody has the shell %q", shell)
	}
}
