//go:build unix

package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Coverage: A4, B64.
func TestAProgramRunsAsWhoHasNamedIt(t *testing.T) {
	w := newWorld(t)
	d := w.deliverer("maildir:~/Maildir")
	for _, c := range []struct{ why, by, want string }{
		{"a user's own .forward", "forward:alice", "61001\n61001"},
		{"an alias", "alias:list", "61004\n61004"},
		{"a list of bob's, of whom no group is known", "include:61002:/lists/x", "61002\n61004"},
		{"a list of root's", "include:0:/lists/x", "61004\n61004"},
		{"root's own .forward", "forward:root", "61004\n61004"},
	} {
		out := filepath.Join(w.homes, "out")
		w.must(os.WriteFile(out, nil, 0o666), os.Chmod(out, 0o666))
		if r := d.Deliver(t.Context(), to("|{ id -u; id -G; } >"+out, c.by)); r.Code != 250 {
			t.Errorf("%s: %v", c.why, r)
		}
		if got := contents(t, out); got != c.want+"\n" {
			t.Errorf("%s: it ran as %q", c.why, got)
		}
	}
	if r := d.Deliver(t.Context(), to("|true", "")); r.Code != 554 {
		t.Errorf("nobody has named it: %v", r)
	}
}

func TestAProgramGetsTheMessageAndNothingOfOurs(t *testing.T) {
	t.Setenv("MAILCRANE_SECRET", "x")
	w := newWorld(t)
	d := w.deliverer("maildir:~/Maildir")
	if r := d.Deliver(t.Context(), to("|cat >message; env >environment; pwd >directory", "forward:alice")); r.Code != 250 {
		t.Fatal(r)
	}
	home := filepath.Join(w.homes, "alice")
	want := "From sender@example.com Mon Nov 23 06:00:00 2026\nReturn-Path: <sender@example.com>\nSubject: hello\n\nHi\n>From here on\n\n"
	if got := contents(t, home+"/message"); got != want {
		t.Errorf("it got %q", got)
	}
	if got := contents(t, home+"/directory"); got != home+"\n" {
		t.Errorf("it ran in %q", got)
	}
	env := contents(t, home+"/environment")
	for _, line := range []string{"AGENT=sendmail", "USER=alice", "LOGNAME=alice", "HOME=" + home, "SHELL=/bin/sh", "SENDER=sender@example.com", "RECIPIENT=list@example.org"} {
		if !strings.Contains("\n"+env, "\n"+line+"\n") {
			t.Errorf("no %s in its environment:\n%s", line, env)
		}
	}
	if strings.Contains(env, "SECRET") {
		t.Errorf("its environment is ours:\n%s", env)
	}
}

func TestTheEndOfAProgramIsTheReply(t *testing.T) {
	w := newWorld(t)
	d := w.deliverer("maildir:~/Maildir", func(o *Options) { o.ProgramTime = 300 * time.Millisecond; o.ProgramOutput = 100 })
	for _, c := range []struct{ why, command, want string }{
		{"all is well", "true", "250 2.0.0"},
		{"it does not read", "exec <&-; exit 0", "250 2.0.0"},
		{"it may be tried again", "exit 75", "450 4.0.0"},
		{"no such user", "exit 67", "550 5.1.1 User unknown"},
		{"not allowed", "exit 77", "550 5.0.0 Insufficient permission"},
		{"another code", "exit 3", "554 5.3.0 unknown mailer error 3"},
		{"no such program", "/nonexistent/program", "554 5.3.0 unknown mailer error 127"},
		{"it is killed", "kill -9 $$", "451 4.3.0"},
		{"it takes too long, and so does its child", "sleep 60 & wait", "451 4.3.0 the program sleep 60 & wait took longer"},
	} {
		r := d.Deliver(t.Context(), to("|"+c.command, "alias:x"))
		if !strings.HasPrefix(r.String(), c.want) {
			t.Errorf("%s: %v", c.why, r)
		}
	}
	r := d.Deliver(t.Context(), to("|echo your mailbox; echo is locked >&2; exit 75", "alias:x"))
	if !strings.HasSuffix(r.Text, "it said: your mailbox; is locked") {
		t.Errorf("what it said is lost: %v", r)
	}
	if r = d.Deliver(t.Context(), to("|yes; exit 75", "alias:x")); len(r.Text) > 400 {
		t.Errorf("it said too much: %v", r)
	}
}

func TestALargeMessageReachesAProgramThatReadsLittle(t *testing.T) {
	w := newWorld(t)
	j := to("|head -c 10 >/dev/null", "alias:x")
	j.Open = opens(strings.Repeat(fmt.Sprintln("line"), 1<<18))
	if r := w.deliverer("maildir:~/Maildir").Deliver(t.Context(), j); r.Code != 250 {
		t.Error(r)
	}
}

func TestASenderIsNoOptionOfAProgram(t *testing.T) {
	w := newWorld(t)
	for mailer, code := range map[string]int{"program:/bin/true $f": 550, "program:/bin/true -f $f": 250, "program:/bin/true --from=$f": 250} {
		j := job("alice")
		j.Sender = "-rf@example.com"
		if r := w.deliverer(mailer).Deliver(t.Context(), j); r.Code != code {
			t.Errorf("%s: %v", mailer, r)
		}
	}
}
