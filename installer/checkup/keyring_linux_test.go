package checkup

import (
	"os"
	"testing"

	"mailcrane/internal/lab"
)

// byKeyring is a set-up whose password is in the keyring of this session.
func byKeyring(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.replace(`secret = "file:~/password"`, `secret = "keyring"`)
	for _, name := range []string{"DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"} {
		w.env[name] = os.Getenv(name)
	}
	return w
}

func (w *world) finds(id, command string) {
	w.t.Helper()
	if f := w.only(w.look()); f.ID != id || f.Command != command || f.State != Broken {
		w.t.Errorf("found %+v", f)
	}
}

// Coverage: doctor.
func TestAnEmptyKeyringIsFoundAndMended(t *testing.T) {
	if !lab.InKeyring(t, lab.Unlocked) {
		return
	}
	w := byKeyring(t)
	w.finds("keyring-empty", "mailcrane login work")
	w.typed("DBUS_SESSION_BUS_ADDRESS='"+os.Getenv("DBUS_SESSION_BUS_ADDRESS")+"' mailcrane login work", password+"\n")
	if bad := worst(w.look()); len(bad) > 0 {
		t.Errorf("after the mend: %+v", bad)
	}
}

// Coverage: doctor.
func TestALockedKeyringIsFound(t *testing.T) {
	if !lab.InKeyring(t, lab.Locked, lab.Seed{Service: "mailcrane", User: "work/" + me, Secret: password}) {
		return
	}
	byKeyring(t).finds("keyring-locked", "secret-tool lookup service mailcrane username work/me@example.org >/dev/null")
}

func TestWithoutASessionThereIsNoKeyring(t *testing.T) {
	t.Parallel()
	w := byKeyring(t)
	w.env["DBUS_SESSION_BUS_ADDRESS"], w.env["XDG_RUNTIME_DIR"] = "", w.home
	command := "(umask 077; cat > " + w.home + "/.config/mailcrane/work.password) && sed -i '5s|\"[^\"]*\"|\"file:" + w.home + "/.config/mailcrane/work.password\"|' " + w.file
	w.finds("no-keyring", command)
	w.typed(command, password+"\n")
	if bad := worst(w.look()); len(bad) > 0 {
		t.Errorf("after the mend: %+v", bad)
	}
}
