package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
)

// A server that is not root's has nobody to run a stranger's program as but itself.
//
// Coverage: B66, B100.
func TestProgramsAndFilesAreUnsafeForAServerThatIsNotRoots(t *testing.T) {
	w := newWorld(t)
	out := filepath.Join(w.homes, "carol/out")
	for _, target := range []string{"|cat >>" + out, out} {
		for _, c := range []struct {
			word config.Blame
			want string
		}{
			{0, "550 5.7.1 Address " + target + " is unsafe for mailing to "},
			{config.NonRootSafeAddr, "250 2.0.0"},
		} {
			lab.As(t, 61003, func() {
				r := w.deliverer("maildir:~/Maildir", blame(c.word)).Deliver(t.Context(), to(target, "alias:x"))
				if !strings.HasPrefix(r.String(), c.want) {
					t.Errorf("%s with %q: %v", target, c.word, r)
				}
			})
			if _, err := os.Stat(out); (err == nil) != (c.word != 0) {
				t.Errorf("%s with %q: %v", target, c.word, err)
			}
		}
		w.must(os.Remove(out))
	}
}

func TestAServerThatIsNotRootsHasOneUsersMailbox(t *testing.T) {
	w := newWorld(t)
	for _, mailer := range []string{"maildir:~/Maildir", "mbox:~/mbox"} {
		lab.As(t, 61001, func() {
			d := w.deliverer(mailer)
			if r := d.Deliver(t.Context(), job("alice")); r.Code != 250 {
				t.Errorf("%s, its own: %v", mailer, r)
			}
			if r := d.Deliver(t.Context(), job("bob")); r.Code != 451 || !strings.Contains(r.Text, "start it as root") {
				t.Errorf("%s, another's: %v", mailer, r)
			}
		})
	}
}

// The rights of a delivery are the user's, with nothing of root's but what keeps
// the user from ending the server.
func TestAThreadThatDeliversIsItsUserWithoutCapabilities(t *testing.T) {
	w := newWorld(t)
	status := ""
	err := w.deliverer("maildir:~/Maildir").as(w.users["alice"], []uint32{8}, func() error {
		b, err := os.ReadFile("/proc/thread-self/status")
		status = string(b)
		return err
	})
	w.must(err)
	for _, line := range []string{
		"Uid:\t0\t61001\t0\t61001", "Gid:\t61001\t61001\t61001\t61001", "Groups:\t8 61001",
		"CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "CapInh:\t0000000000000000",
	} {
		if !strings.Contains(status, "\n"+line) {
			t.Errorf("not %q:\n%s", line, status)
		}
	}
	if os.Geteuid() != 0 {
		t.Error("the test has lost its own rights")
	}
}

// Coverage: B101.
func TestAProgramThatOthersCanChangeIsWarnedOfAndRuns(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Join(w.homes, "tools")
	program := dir + "/filter"
	w.must(os.Mkdir(dir, 0o777), os.Chmod(dir, 0o777), os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755))
	for _, c := range []struct {
		word   config.Blame
		warned bool
	}{{0, true}, {config.RunProgramInUnsafeDirPath, false}} {
		var said string
		d := w.deliverer("maildir:~/Maildir", blame(c.word|config.TrustStickyBit), func(o *Options) { o.Warn = func(text string) { said += text } })
		if r := d.Deliver(t.Context(), to("|"+program+" x", "alias:x")); r.Code != 250 {
			t.Error(r)
		}
		if strings.Contains(said, "World writable directory") != c.warned {
			t.Errorf("with %q it was said: %q", c.word, said)
		}
	}
}
