//go:build unix

package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailcrane/internal/config"
)

const appended = "From sender@example.com Mon Nov 23 06:00:00 2026\nReturn-Path: <sender@example.com>\nSubject: hello\n\nHi\n>From here on\n\n"

func blame(words config.Blame) func(*Options) {
	return func(o *Options) { o.Rules.Blame = words }
}

func TestAnMboxIsItsUsersAndGrowsByWholeMessages(t *testing.T) {
	w := newWorld(t)
	d := w.deliverer("mbox:~/mbox")
	path := filepath.Join(w.homes, "alice/mbox")
	for n := range 2 {
		if r := d.Deliver(t.Context(), job("alice")); r.Code != 250 {
			t.Fatal(r)
		}
		if got := contents(t, path); got != strings.Repeat(appended, n+1) {
			t.Errorf("it holds %q", got)
		}
	}
	if uid, mode := uidOf(t, path); uid != 61001 || mode != 0o600 {
		t.Errorf("it is of uid %d, mode %o", uid, mode)
	}
	if _, err := os.Lstat(path + ".lock"); err == nil {
		t.Error("its lock stays")
	}
}

// The directory of mailboxes is root's and writable for a group, which no user is in.
func TestAMailboxInTheSpoolIsMadeByItsGroup(t *testing.T) {
	w := newWorld(t)
	spool := filepath.Join(w.homes, "spool")
	w.must(os.Mkdir(spool, 0o775), os.Chown(spool, 0, 8), os.Chmod(spool, 0o2775))
	if r := w.deliverer("mbox:"+spool+"/$u").Deliver(t.Context(), job("alice")); r.Code != 250 {
		t.Fatal(r)
	}
	if uid, _ := uidOf(t, spool+"/alice"); uid != 61001 {
		t.Errorf("it is of uid %d", uid)
	}
	// Another user's file under our name is not our mailbox.
	w.must(os.WriteFile(spool+"/bob", nil, 0o666), os.Chmod(spool+"/bob", 0o666), os.Chown(spool+"/bob", 61003, 61003))
	if r := w.deliverer("mbox:"+spool+"/$u").Deliver(t.Context(), job("bob")); r.Code != 451 || r.Enhanced != "4.3.5" {
		t.Error(r)
	}
}

// Coverage: A3.
func TestAFileGetsTheMessageAsWhoHasNamedIt(t *testing.T) {
	w := newWorld(t)
	d := w.deliverer("maildir:~/Maildir")
	box := filepath.Join(w.homes, "alice/box")
	if r := d.Deliver(t.Context(), to(box, "forward:alice")); r.Code != 250 {
		t.Fatal(r)
	}
	if uid, mode := uidOf(t, box); uid != 61001 || mode != 0o600 || contents(t, box) != appended {
		t.Errorf("it is of uid %d, mode %o: %q", uid, mode, contents(t, box))
	}
	if r := d.Deliver(t.Context(), to("/dev/null", "alias:x")); r.Code != 250 {
		t.Errorf("/dev/null: %v", r)
	}
	if r := d.Deliver(t.Context(), to(filepath.Join(w.homes, "bob/box"), "forward:alice")); r.Code != 550 {
		t.Errorf("in another's home: %v", r)
	}
	// An alias writes as DefaultUser, but into a set-uid file as its owner.
	log := filepath.Join(w.homes, "carol/log")
	w.must(os.WriteFile(log, nil, 0o600), os.Chown(log, 61003, 61003))
	if r := d.Deliver(t.Context(), to(log, "alias:log")); r.Code != 550 {
		t.Errorf("an alias to carol's file: %v", r)
	}
	w.must(os.Chmod(log, os.ModeSetuid|0o600))
	if r := d.Deliver(t.Context(), to(log, "alias:log")); r.Code != 250 || contents(t, log) != appended {
		t.Errorf("an alias to carol's set-uid file: %v", r)
	}
	if r := d.Deliver(t.Context(), to(log, "forward:alice")); r.Code != 550 {
		t.Errorf("alice's .forward to carol's set-uid file: %v", r)
	}
}

// Coverage: B74, B75.
func TestAFileUnderAnotherNameIsWrittenOnlyByTheWordThatAllowsIt(t *testing.T) {
	for _, c := range []struct {
		why  string
		lay  func(w *world, real, name string)
		word config.Blame
	}{
		{"a hard link", func(w *world, real, name string) { w.must(os.Link(real, name)) }, config.FileDeliveryToHardLink},
		{"a symbolic link", func(w *world, real, name string) { w.must(os.Symlink(real, name)) }, config.FileDeliveryToSymLink},
	} {
		w := newWorld(t)
		home := filepath.Join(w.homes, "alice")
		real, name := home+"/real", home+"/name"
		w.must(os.WriteFile(real, nil, 0o600), os.Chown(real, 61001, 61001))
		c.lay(w, real, name)
		for _, word := range []config.Blame{0, c.word} {
			r := w.deliverer("maildir:~/Maildir", blame(word)).Deliver(t.Context(), to(name, "forward:alice"))
			if refused := r.Code == 550 && r.Enhanced == "5.7.1"; refused != (word == 0) || refused == (contents(t, real) != "") {
				t.Errorf("%s with %q: %v", c.why, word, r)
			}
		}
	}
}

func TestWhatIsNoFileOfMailIsRefused(t *testing.T) {
	w := newWorld(t)
	home := filepath.Join(w.homes, "alice")
	w.must(unix.Mkfifo(home+"/pipe", 0o666), os.WriteFile(home+"/program", nil, 0o755), os.Chown(home+"/program", 61001, 61001),
		os.Mkdir(home+"/directory", 0o755))
	for _, path := range []string{home + "/pipe", home + "/program", home + "/directory", "/dev/zero", "/proc/self/comm", "/proc/sys/kernel/core_pattern", "relative", home + "/none/box"} {
		if r := w.deliverer("maildir:~/Maildir").Deliver(t.Context(), to(path, "forward:alice")); r.Code != 550 {
			t.Errorf("%s: %v", path, r)
		}
	}
}

func TestFilesStayInSafeFileEnvironment(t *testing.T) {
	w := newWorld(t)
	safe, home := filepath.Join(w.homes, "safe"), filepath.Join(w.homes, "alice")
	w.must(os.Mkdir(safe, 0o777), os.Chmod(safe, 0o777), os.Symlink(home+"/out", safe+"/link"), os.Symlink(home, safe+"/dir"))
	d := w.deliverer("maildir:~/Maildir", func(o *Options) { o.SafeFileEnvironment = safe })
	for _, c := range []struct {
		target string
		code   int
	}{
		{safe + "/log", 250}, {"/log", 250}, {"/../../log", 250}, {"/link", 550}, {"/dir/out", 550}, {"/dev/null", 250},
	} {
		if r := d.Deliver(t.Context(), to(c.target, "forward:alice")); r.Code != c.code {
			t.Errorf("%s: %v", c.target, r)
		}
	}
	if got := contents(t, safe+"/log"); got != strings.Repeat(appended, 3) {
		t.Errorf("%q", got)
	}
	if _, err := os.Lstat(home + "/out"); err == nil {
		t.Error("a link led out of it")
	}
}

func TestManyWritersOfOneMboxDoNotMix(t *testing.T) {
	w := newWorld(t)
	d := w.deliverer("mbox:~/mbox")
	var all sync.WaitGroup
	const each = 10
	for n := range 8 {
		all.Go(func() {
			for i := range each {
				j := job("alice")
				j.Open = opens("N: x\n\n" + strings.Repeat(fmt.Sprintf("%d.%d\n", n, i), 3000))
				if r := d.Deliver(t.Context(), j); r.Code != 250 {
					t.Error(r)
				}
			}
		})
	}
	all.Wait()
	found := map[string]bool{}
	for m := range strings.SplitSeq(contents(t, filepath.Join(w.homes, "alice/mbox")), "From sender@example.com ") {
		if m == "" {
			continue
		}
		_, body, _ := strings.Cut(m, "\n\n")
		line, _, _ := strings.Cut(body, "\n")
		if body != strings.Repeat(line+"\n", 3000)+"\n" {
			t.Fatalf("a message is mixed: %.80q", m)
		}
		found[line] = true
	}
	if len(found) != 8*each {
		t.Errorf("there are %d messages", len(found))
	}
}

func TestALockOfAnotherProgramIsWaitedForAndAForgottenOneBroken(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(w.homes, "alice/mbox")
	d := w.deliverer("mbox:~/mbox", func(o *Options) { o.Now = time.Now })
	d.lockTime = 50 * time.Millisecond
	w.must(os.WriteFile(path+".lock", []byte("1\n"), 0o644))
	if r := d.Deliver(t.Context(), job("alice")); r.Code != 451 || r.Enhanced != "4.2.0" || !strings.Contains(r.Text, "locked by another program") {
		t.Errorf("a dot-lock: %v", r)
	}
	old := time.Now().Add(-lockStale - time.Second)
	w.must(os.Chtimes(path+".lock", old, old))
	if r := d.Deliver(t.Context(), job("alice")); r.Code != 250 {
		t.Errorf("a forgotten dot-lock: %v", r)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	w.must(err, lockWhole(f))
	defer f.Close()
	if r := d.Deliver(t.Context(), job("alice")); r.Code != 451 {
		t.Errorf("the kernel's lock: %v", r)
	}
	if _, err := os.Lstat(path + ".lock"); err == nil {
		t.Error("our own dot-lock stays")
	}
}

func TestWhatACrashHasLeftDoesNotSwallowTheNextMessage(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(w.homes, "alice/mbox")
	for _, left := range []string{"From a@b\n\nhal", "From a@b\n\nhal\n"} {
		w.must(os.WriteFile(path, []byte(left), 0o600), os.Chown(path, 61001, 61001))
		if r := w.deliverer("mbox:~/mbox").Deliver(t.Context(), job("alice")); r.Code != 250 {
			t.Fatal(r)
		}
		if got, want := contents(t, path), strings.TrimRight(left, "\n")+"\n\n"+appended; got != want {
			t.Errorf("%q", got)
		}
	}
}
