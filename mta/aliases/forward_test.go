//go:build unix

package aliases

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
	"mailcrane/mta/safefile"
)

// A house is a machine with one user who gets mail.
type house struct {
	*testing.T
	dir   string // a safe directory of root's, or of whoever runs the test
	joe   User
	o     ListOptions
	blame config.Blame
	log   bytes.Buffer
	tried []string // the paths that were opened
}

// moveIn makes a house. The user is another one where root runs the test, so that
// the rights are that user's.
func moveIn(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, joe: User{Name: "joe", UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), Shell: "/bin/sh"}} //nolint:gosec // ids
	if os.Getuid() == 0 {
		if u, err := user.Lookup("daemon"); err == nil {
			uid, _ := strconv.Atoi(u.Uid)
			gid, _ := strconv.Atoi(u.Gid)
			h.joe.UID, h.joe.GID = uint32(uid), uint32(gid) //nolint:gosec // ids
		}
	}
	own, _ := os.UserHomeDir()
	for _, above := range []string{"/var/lib", own} {
		dir, err := os.MkdirTemp(above, "mailcrane-aliases")
		if err != nil {
			continue
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		h.dir = dir
		h.chmod(dir, 0o755)
		if _, err = (safefile.Rules{}).Open(safefile.Map, filepath.Join(dir, "none")); errors.Is(err, fs.ErrNotExist) {
			break
		}
		h.dir = ""
	}
	if h.dir == "" {
		lab.Missing(t, "a home directory in which only its owner can write", "chmod go-w ~")
	}
	h.joe.Home = filepath.Join(h.dir, "joe")
	h.mkdir(h.joe.Home, 0o755)
	h.own(h.joe.Home)
	shells := filepath.Join(h.dir, "shells")
	h.write(shells, "# shells\n/bin/sh\n", 0o644)
	h.o = ListOptions{Opener: h, Users: h, ForwardPath: "$z/.forward", Host: "mail.example.org", FileOpen: time.Minute, Shells: shells, Log: slog.New(slog.NewTextHandler(&h.log, nil))}
	return h
}

func (h *house) Open(ctx context.Context, kind safefile.Kind, path string, uid uint32) (*safefile.File, error) {
	h.tried = append(h.tried, strings.TrimPrefix(path, h.dir+"/"))
	return Direct{safefile.Rules{Blame: h.blame | config.NonRootSafeAddr}}.Open(ctx, kind, path, uid)
}

func (h *house) Lookup(name string) (User, bool, error) { return h.joe, name == h.joe.Name, nil }

func (h *house) LookupUID(uid uint32) (User, bool, error) { return h.joe, uid == h.joe.UID, nil }

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// chmod is not bounded by the umask.
func (h *house) chmod(path string, mode os.FileMode) { h.Helper(); h.must(os.Chmod(path, mode)) }

func (h *house) mkdir(path string, mode os.FileMode) {
	h.Helper()
	h.must(os.MkdirAll(path, 0o755))
	h.chmod(path, mode)
}

// own makes it joe's.
func (h *house) own(path string) {
	h.Helper()
	h.must(os.Chown(path, int(h.joe.UID), int(h.joe.GID)))
}

func (h *house) write(path, text string, mode os.FileMode) {
	h.Helper()
	h.must(os.WriteFile(path, []byte(text), 0o600))
	h.chmod(path, mode)
}

// forward writes joe's .forward.
func (h *house) forward(text string, mode os.FileMode) string {
	h.Helper()
	path := filepath.Join(h.joe.Home, ".forward")
	h.write(path, text, mode)
	h.own(path)
	return path
}

// found is where joe's mail goes: "mailbox" where no .forward says so.
func (h *house) found(m Letter) string {
	h.Helper()
	list, ok, err := NewLists(h.o).Forward(h.Context(), h.joe, m)
	switch {
	case err != nil:
		return err.Error()
	case !ok:
		return "mailbox"
	}
	return shown(list.Items)
}

// Coverage: A2, A3, A4, A5, A6.
func TestAForwardNamesAddressesFilesAndPrograms(t *testing.T) {
	h := moveIn(t)
	for _, c := range []struct{ reason, text, want string }{
		{"an address", "x@example.net\n", "x@example.net"},
		{"another user", "ann", "ann"},
		{"a file", "/home/u/box\n", "file /home/u/box"},
		{"a program", `"|/usr/bin/filter -a b"`, "program /usr/bin/filter -a b"},
		{"the own mailbox too", `\joe, x@example.net`, `\joe; x@example.net`},
		{"several in one line", `a@example.net, "|p q", /f`, "a@example.net; program p q; file /f"},
		{"several lines", "a@example.net\n\"|p q\"\n/f\n", "a@example.net; program p q; file /f"},
		{"a list", ":include:/home/u/list", "list /home/u/list"},
		{"nothing", "", "mailbox"},
		{"comments", "# x@example.net\n\n", "mailbox"},
	} {
		h.forward(c.text, 0o644)
		if got := h.found(Letter{}); got != c.want {
			t.Errorf("%s: %s, want %s", c.reason, got, c.want)
		}
	}
	path := h.forward("good@example.net\nbad@\n", 0o600)
	list, _, err := NewLists(h.o).Forward(t.Context(), h.joe, Letter{})
	if err != nil || shown(list.Items) != "good@example.net" || len(list.Wrong) != 1 || !strings.HasPrefix(list.Wrong[0].Error(), path+":2: bad@: ") {
		t.Errorf("a bad address in it: %+v, %v", list, err)
	}
	if list.User != "joe" || list.UID != h.joe.UID || !list.Owned {
		t.Errorf("its programs run as %s, %d, %v", list.User, list.UID, list.Owned)
	}
}

// Coverage: B127, B128.
func TestTheFirstSafeFileOfForwardPathWins(t *testing.T) {
	h := moveIn(t)
	h.mkdir(filepath.Join(h.dir, "fwd"), 0o755)
	put := func(name, text string, mode os.FileMode) {
		h.write(filepath.Join(h.dir, name), text, mode)
		h.own(filepath.Join(h.dir, name))
	}
	put("fwd/joe", "first", 0o644)
	put("joe/.forward.mail", "second", 0o644)
	put("joe/.forward+work", "detail", 0o644)
	put("joe/.forward.ESMTP.client.example", "client", 0o644)
	put("joe/.forward.me@example.org", "sender", 0o644)
	put("joe/unsafe", "unsafe", 0o666)
	put("joe/empty", "", 0o644)
	put("secret", "secret", 0o644)
	m := Letter{Detail: "work", Sender: "me@example.org", Protocol: "ESMTP", Client: "client.example"}
	for _, c := range []struct {
		reason, path, want, tried string
		letter                    Letter
	}{
		{"the first that is there", "D/fwd/$u:$z/.forward.$w", "first", "fwd/joe", m},
		{"the next where it is not", "D/none/$u:$z/.forward.$w", "second", "none/joe joe/.forward.mail", m},
		{"the next where it is unsafe", "$z/unsafe:$z/.forward.$w", "second", "joe/unsafe joe/.forward.mail", m},
		{"the detail with its plus", "$z/.forward$h", "detail", "joe/.forward+work", m},
		{"no detail, no plus", "$z/.forward$h", "mailbox", "joe/.forward", Letter{}},
		{"protocol and client", "$z/.forward.$r.$s", "client", "joe/.forward.ESMTP.client.example", m},
		{"sender", "$z/.forward.$f", "sender", "joe/.forward.me@example.org", m},
		{"an empty file is found, and is the mailbox", "$z/empty:$z/.forward.$w", "mailbox", "joe/empty", m},
		{"empty parts are none", "::$z/.forward.$w:", "second", "joe/.forward.mail", m},
		{"nothing from outside leads elsewhere", "$z/.forward$h", "mailbox", "", Letter{Detail: "/../../secret"}},
		{"nor does the sender", "$z/x/$f:$z/$s", "mailbox", "", Letter{Sender: "..", Client: ".."}},
	} {
		h.tried = nil
		h.o.ForwardPath = strings.ReplaceAll(c.path, "D/", h.dir+"/")
		if got := h.found(c.letter); got != c.want || strings.Join(h.tried, " ") != c.tried {
			t.Errorf("%s: %s, having tried %v; want %s, %s", c.reason, got, h.tried, c.want, c.tried)
		}
	}
	h.joe.Home = ""
	h.o.ForwardPath = "$z/.forward"
	if got := h.found(m); got != "554 5.3.0 forward: no home" {
		t.Errorf("without a home directory: %s", got)
	}
}

// refuser fails the test where anything is opened.
type refuser struct{ *testing.T }

func (r refuser) Open(_ context.Context, _ safefile.Kind, path string, _ uint32) (*safefile.File, error) {
	r.Errorf("%s is opened", path)
	return nil, fs.ErrNotExist
}

// Coverage: A7.
func TestAnEmptyForwardPathOpensNothing(t *testing.T) {
	h := moveIn(t)
	path := h.forward("x@example.net", 0o644)
	long := time.Now().Add(-48 * time.Hour)
	h.must(os.Chtimes(path, long, long))
	h.o.ForwardPath, h.o.Opener = "", refuser{t}
	if got := h.found(Letter{}); got != "mailbox" {
		t.Errorf("the mail goes to %s", got)
	}
	h.joe.Home = ""
	if got := h.found(Letter{}); got != "mailbox" {
		t.Errorf("without a home directory it goes to %s", got)
	}
	if h.log.Len() > 0 {
		t.Errorf("the log says: %s", &h.log)
	}
}

func TestAUsersForwardIsReadWithTheRightsOfThatUser(t *testing.T) {
	if os.Getuid() != 0 {
		lab.Missing(t, "root, who could read everything", "run the tests as root")
	}
	h := moveIn(t)
	secret := filepath.Join(h.dir, "secret")
	h.write(secret, "secret@example.net", 0o600)
	h.must(os.Symlink(secret, filepath.Join(h.joe.Home, ".forward")))
	if got := h.found(Letter{}); got != "mailbox" || !strings.Contains(h.log.String(), "permission denied") {
		t.Errorf("a link to a file of root's: %s\n%s", got, &h.log)
	}
	h.chmod(secret, 0o644)
	if got := h.found(Letter{}); got != "secret@example.net" {
		t.Errorf("a link to a file that everybody may read: %s\n%s", got, &h.log)
	}
	h.must(os.Remove(filepath.Join(h.joe.Home, ".forward")))
	h.forward("x@example.net", 0o600)
	h.chmod(h.joe.Home, 0o700)
	if got := h.found(Letter{}); got != "x@example.net" {
		t.Errorf("a private file in a private directory: %s\n%s", got, &h.log)
	}
	if f, err := os.Open(secret); err != nil {
		t.Errorf("the process has other rights now: %v", err)
	} else {
		f.Close()
	}
}

// hanging opens files only when it is let go.
type hanging struct {
	let   chan struct{}
	opens atomic.Int32
}

func (h *hanging) Open(context.Context, safefile.Kind, string, uint32) (*safefile.File, error) {
	h.opens.Add(1)
	<-h.let
	return nil, fs.ErrNotExist
}

// Coverage: B27.
func TestAFileThatHangsIsTemporaryWithinTimeoutFileopen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := &hanging{let: make(chan struct{})}
		l := NewLists(ListOptions{Opener: far, ForwardPath: "$z/.forward", FileOpen: time.Minute})
		joe := User{Name: "joe", UID: 7, Home: "/net/joe"}
		for i, want := range []time.Duration{time.Minute, 0} {
			begin := time.Now()
			_, found, err := l.Forward(t.Context(), joe, Letter{})
			fault, ok := errors.AsType[*Fault](err)
			if !ok || found || fault.Reply.Code != 451 || fault.Reply.Enhanced != "4.4.1" || time.Since(begin) != want {
				t.Errorf("try %d: %v, after %v", i+1, err, time.Since(begin))
			}
		}
		_, err := l.ReadInclude(t.Context(), "/net/list", nil)
		if fault, ok := errors.AsType[*Fault](err); !ok || fault.Reply.Code != 451 {
			t.Errorf("a list: %v", err)
		}
		if far.opens.Load() != 2 {
			t.Errorf("%d are being opened: one that hangs is not tried again", far.opens.Load())
		}
		close(far.let)
		synctest.Wait()
		if _, found, err := l.Forward(t.Context(), joe, Letter{}); found || err != nil || far.opens.Load() != 3 {
			t.Errorf("when it answers again: %v, %v, after %d", found, err, far.opens.Load())
		}
	})
}

func TestFilesThatHangAreBoundedInNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := &hanging{let: make(chan struct{})}
		l := NewLists(ListOptions{Opener: far, ForwardPath: "$z/.forward", FileOpen: time.Minute})
		for i := range mostOpenings + 20 {
			if _, _, err := l.Forward(t.Context(), User{UID: uint32(i), Home: "/net/" + strconv.Itoa(i)}, Letter{}); err == nil { //nolint:gosec // small
				t.Fatal("it is found")
			}
		}
		if far.opens.Load() != mostOpenings {
			t.Errorf("%d are being opened", far.opens.Load())
		}
		close(far.let)
	})
}
