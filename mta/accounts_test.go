package mta

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
)

func TestTheUsersOfTheSystemHaveTheirShell(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Skip(err)
	}
	uid, err := strconv.ParseUint(me.Uid, 10, 32)
	if err != nil {
		t.Skip("users have no numbers on this system")
	}
	passwd := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(passwd, []byte("# one\nx"+me.Username+":x:1:1::/:/bin/no\n"+me.Username+":x:0:0:Me:/home:/bin/mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ reason, passwd, want string }{
		{"as the file says", passwd, "/bin/mine"},
		{"no such file: the default", passwd + ".gone", ""},
	} {
		a := accounts{c.passwd}
		u, ok, err := a.Lookup(me.Username)
		if err != nil || !ok || u.Shell != c.want || uint64(u.UID) != uid || u.Home != me.HomeDir {
			t.Errorf("%s: %+v, %t, %v", c.reason, u, ok, err)
		}
		if same, ok, err := a.LookupUID(uint32(uid)); err != nil || !ok || same != u {
			t.Errorf("%s: by the number %+v, %t, %v", c.reason, same, ok, err)
		}
	}
	a := accounts{passwd}
	for _, name := range []string{"", "no such user here", "../x", "a:b"} {
		if _, ok, err := a.Lookup(name); ok || err != nil {
			t.Errorf("%q: %t, %v", name, ok, err)
		}
	}
	if _, ok, err := a.LookupUID(4_000_000_001); ok || err != nil {
		t.Errorf("nobody's number: %t, %v", ok, err)
	}
}
