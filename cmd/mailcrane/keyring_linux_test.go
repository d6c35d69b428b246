package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// The password goes from login into a real keyring, and from there to the
// server; logout takes it away again.
func TestLoginKeepsThePasswordInTheKeyring(t *testing.T) {
	t.Parallel()
	h := newHome(t, smarthostCases()[0], "")
	path := filepath.Join(h.dir, "mailcrane.toml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	secret := `"file:` + filepath.Join(h.dir, "password") + `"`
	if !strings.Contains(string(text), secret) {
		t.Fatalf("no %s in %s", secret, text)
	}
	h.write("mailcrane.toml", strings.Replace(string(text), secret, `"keyring"`, 1))
	to := h.box.Address("to")
	cmd := lab.KeyringCommand(t, lab.Unlocked, nil, "sh", "-xec", `
		echo wrong | mailcrane login lab
		sendmail -i -f "$1" "$2" <"$3"
		mailcrane flush || echo "wrong password: $?"
		mailcrane login <"$4"
		mailcrane config check --online
		mailcrane flush
		mailcrane logout lab
		mailcrane config check --online || echo "logged out: $?"
	`, "sh", h.me, to, h.write("letter", head+"\n"+letter), filepath.Join(h.dir, "password"))
	cmd.Env = append(cmd.Env, "MAILCRANE_CONFIG="+path, "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	said := string(out)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, want := range []string{"535 ", "mailcrane login lab", "wrong password: 75\n", "the keyring holds no password of account lab any more", "logged out: 69\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing says %q", want)
		}
	}
	if strings.Contains(said, h.host.Password) {
		t.Errorf("the password is shown")
	}
	if got := h.box.Wait(to); string(got.Body()) != letter {
		t.Errorf("arrived %q", got.Body())
	}
	if t.Failed() {
		t.Log(said)
	}
}
