package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// importBeside runs a script beside a keyring, in a home with the settings of
// msmtp for a real server; traced has the words and the environment of every
// program that was started, and all that was written to a file or a terminal.
func importBeside(t *testing.T, mode lab.KeyringMode, script string) (said, traced string, h *home) {
	t.Helper()
	h = newHome(t, smarthostCases()[0], "")
	host, port, err := net.SplitHostPort(h.host.Implicit)
	must(t, err, os.Remove(filepath.Join(h.dir, "mailcrane.toml")), os.Remove(filepath.Join(h.dir, "password")))
	rc := h.write("msmtprc", fmt.Sprintf("account default\nhost %s\nport %s\ntls on\ntls_starttls off\ntls_trust_file %s\nauth on\nfrom %s\nuser %s\npassword %s\n",
		host, port, h.host.CAFile, h.me, h.host.User, h.host.Password))
	trace := filepath.Join(h.dir, "trace")
	cmd := lab.KeyringCommand(t, mode, nil, "strace", "-f", "-v", "-y", "-s", "100000", "-e", "trace=execve,write", "-o", trace,
		"sh", "-c", script, "sh", rc, h.me, h.box.Address("to"))
	cmd.Env = append(cmd.Env, "MAILCRANE_CONFIG="+filepath.Join(h.dir, "mailcrane.toml"), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(trace)
	must(t, err, os.Remove(trace), os.Remove(rc))
	if !strings.Contains(string(text), "execve(") {
		t.Fatalf("no trace: %s", out)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, "<socket:") { // it goes to the keyring by the session's bus
			traced += line
		}
	}
	return string(out), traced, h
}

// shows says where in a home and in what was said and traced the password is.
func (h *home) shows(said, traced string) []string {
	h.t.Helper()
	var places []string
	for name, text := range map[string]string{"what was said": said, "argv, environment or a write": traced} {
		if strings.Contains(text, h.host.Password) {
			places = append(places, name)
		}
	}
	must(h.t, filepath.Walk(h.dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			must(h.t, err)
			if strings.Contains(string(text), h.host.Password) {
				places = append(places, filepath.Base(path))
			}
		}
		return err
	}))
	return places
}

func TestImportPutsThePasswordIntoTheKeyringAndNowhereElse(t *testing.T) {
	t.Parallel()
	said, traced, h := importBeside(t, lab.Unlocked, `set -e
		mailcrane import --dry-run "$1"
		mailcrane import --dry-run --json "$1"
		mailcrane import --yes "$1"
		mailcrane import --yes --json "$1"
		printf 'Subject: moved\n\nHello.\n' | sendmail -f "$2" "$3"
		mailcrane flush`)
	if places := h.shows(said, traced); len(places) > 0 {
		t.Errorf("the password is in %q:\n%s", places, said)
	}
	if !strings.Contains(said, "The password of account default is in the keyring.") {
		t.Error(said)
	}
	if mail := h.box.Wait(h.box.Address("to")); mail.From != h.me {
		t.Errorf("%s", mail.Raw)
	}
}

// Nobody can unlock a keyring over ssh: the import says how to go on, and has
// written nothing.
func TestImportBesideALockedKeyringSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	said, traced, h := importBeside(t, lab.Locked, `
		mailcrane import --yes "$1"; echo "first: $?"
		test -e "$MAILCRANE_CONFIG" && echo "a configuration without its password"
		mailcrane import --yes --secret file "$1" || echo "second: $?"
		printf 'Subject: moved\n\nHello.\n' | sendmail -f "$2" "$3"
		mailcrane flush`)
	for _, want := range []string{"first: 69\n", "mailcrane.toml is not written\n", "unlock it and type the same again", "add --secret file", "default.password, which only its owner can read"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing says %q:\n%s", want, said)
		}
	}
	if strings.Contains(said, "without its password") || strings.Contains(said, "second: ") {
		t.Error(said)
	}
	if places := h.shows(said, ""); strings.Join(places, " ") != "default.password" {
		t.Errorf("the password is in %q", places)
	}
	if strings.Count(traced, h.host.Password) > 1 {
		t.Error("the password is written more than once")
	}
	h.box.Wait(h.box.Address("to"))
}
