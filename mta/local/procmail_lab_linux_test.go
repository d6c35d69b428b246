package local

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mailcrane/internal/lab"
)

// realUser is a user of this machine who is not root, with another home: procmail
// knows no others.
func realUser(t *testing.T, name string) Account {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		lab.Missing(t, "a user "+name, "useradd --system "+name)
	}
	a, err := accountOf(u)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// fakeProcmail notes how it was called, and as whom.
func fakeProcmail(t *testing.T, w *world) string {
	t.Helper()
	path := filepath.Join(w.homes, "procmail")
	script := "#!/bin/sh\n{ id -u; for a; do echo \"[$a]\"; done; } >$HOME/called\ncat >$HOME/got\nexit $(cat $HOME/code 2>/dev/null || echo 0)\n"
	w.must(os.WriteFile(path, []byte(script), 0o755), os.Chmod(path, 0o755))
	return path
}

// Coverage: A47.
func TestProcmailIsCalledAsSendmailCallsIt(t *testing.T) {
	w := newWorld(t)
	home := filepath.Join(w.homes, "alice")
	d := w.deliverer("procmail:" + fakeProcmail(t, w))
	j := job("alice")
	j.Detail = "lists"
	if r := d.Deliver(t.Context(), j); r.Code != 250 {
		t.Fatal(r)
	}
	if got := strings.Fields(contents(t, home+"/called")); strings.Join(got, " ") != "61001 [-f] [sender@example.com] [-Y] [-a] [lists] [-d] [alice]" {
		t.Errorf("it was called with %q", got)
	}
	if got := contents(t, home+"/got"); !strings.HasPrefix(got, "Return-Path: <sender@example.com>\nSubject: hello\n") {
		t.Errorf("it got %q", got)
	}
	for code, want := range map[string]string{"75": "450 4.0.0", "67": "550 5.1.1", "73": "550 5.0.0"} {
		w.must(os.WriteFile(home+"/code", []byte(code), 0o644))
		if r := d.Deliver(t.Context(), j); !strings.HasPrefix(r.String(), want) {
			t.Errorf("it ends with %s: %v", code, r)
		}
	}
	// procmail:FILE of the mailertable.
	rules := filepath.Join(w.homes, "rules")
	w.must(os.WriteFile(rules, nil, 0o644), os.Chown(rules, 61002, 61002))
	j = job("")
	j.Rules, j.Recipient, j.Sender = rules, "who@host.example", ""
	d = w.deliverer("procmail:" + w.homes + "/procmail2")
	w.must(os.WriteFile(w.homes+"/procmail2", []byte("#!/bin/sh\n{ id -u; echo \"$@\"; } >"+w.homes+"/out\n"), 0o755),
		os.Chmod(w.homes+"/procmail2", 0o755), os.WriteFile(w.homes+"/out", nil, 0o666), os.Chmod(w.homes+"/out", 0o666))
	if r := d.Deliver(t.Context(), j); r.Code != 250 {
		t.Fatal(r)
	}
	if got, want := contents(t, w.homes+"/out"), "61002\n-Y -m "+rules+" MAILER-DAEMON who@host.example\n"; got != want {
		t.Errorf("with rules it was called as %q, not %q", got, want)
	}
}

func TestProcmailWorksThroughTheRulesOfAMailertable(t *testing.T) {
	w := newWorld(t)
	lab.Client(t, "procmail")
	dir := filepath.Join(w.homes, "carol")
	rules := dir + "/rules"
	w.must(os.WriteFile(rules, []byte("FROM=$1\nTO=$2\n:0 w\n| cat >"+dir+"/from-$FROM-to-$TO\n"), 0o644), os.Chown(rules, 61003, 61003))
	j := job("")
	j.Rules, j.Recipient = rules, "who@host.example"
	if r := w.deliverer("procmail").Deliver(t.Context(), j); r.Code != 250 {
		t.Fatal(r)
	}
	path := dir + "/from-sender@example.com-to-who@host.example"
	if uid, _ := uidOf(t, path); uid != 61003 || !strings.Contains(contents(t, path), "\nHi\n") {
		t.Errorf("it is of uid %d: %q", uid, contents(t, path))
	}
}

// Debian's procmail is set-uid and set-gid mail, so that it writes in /var/mail for
// whoever runs it: its user, and a server that is not root's. No .forward names it.
//
// Coverage: A48, A49.
func TestProcmailWritesTheMailboxOfItsUserWithoutAForwardFile(t *testing.T) {
	if !lab.OwnMounts(t) {
		return
	}
	w := newWorld(t)
	lab.Client(t, "procmail")
	a := realUser(t, "games")
	w.users["games"] = a
	spool := filepath.Join(w.homes, "mail")
	w.must(os.Mkdir(spool, 0o775), os.Chown(spool, 0, 8), os.Chmod(spool, 0o2775), unix.Mount(spool, "/var/mail", "", unix.MS_BIND, ""))
	for n, deliver := range []func(){
		func() {
			if r := w.deliverer("procmail").Deliver(t.Context(), job("games")); r.Code != 250 {
				t.Error(r)
			}
		},
		func() {
			lab.As(t, 61003, func() {
				if r := w.deliverer("procmail").Deliver(t.Context(), job("games")); r.Code != 250 {
					t.Errorf("not as root: %v", r)
				}
			})
		},
	} {
		deliver()
		uid, _ := uidOf(t, "/var/mail/games")
		if got := contents(t, "/var/mail/games"); uid != a.UID || strings.Count(got, "\nHi\n") != n+1 || !strings.HasPrefix(got, "From sender@example.com ") {
			t.Errorf("it is of uid %d: %q", uid, got)
		}
	}
}
