package intake

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailcrane/internal/lab"
	"mailcrane/msp/drop"
	"mailcrane/queue"
)

const alice, mallet = 65421, 65422

// A desk is an Intake whose messages are kept in memory.
type desk struct {
	*Intake
	got []taken
	log strings.Builder
	// refuse, if not nil, is what Submit says.
	refuse error
}

type taken struct {
	queue.Envelope
	text string
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	if os.Getuid() != 0 {
		lab.Missing(t, "to be root, who may be several users", "sudo go test ./...")
	}
	top, err := os.MkdirTemp("", "mailcrane-drop-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	if err := os.Chmod(top, 0o755); err != nil {
		t.Fatal(err)
	}
	d := &desk{}
	d.Intake = &Intake{
		Dir: filepath.Join(top, "drop"), MaxSize: 1 << 20, Now: time.Now, Log: slog.New(slog.NewTextHandler(&d.log, nil)),
		Submit: func(_ context.Context, e *queue.Envelope, message io.Reader) (queue.ID, error) {
			text, err := io.ReadAll(message)
			if err == nil {
				err = d.refuse
			}
			if err != nil {
				return "", err
			}
			d.got = append(d.got, taken{*e, string(text)})
			return "cemj155mdf2w5", nil
		},
	}
	if err := d.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.dir.Close() })
	return d
}

func TestADroppedMessageIsItsOwnersWhateverItSays(t *testing.T) {
	d := newDesk(t)
	lab.As(t, alice, func() { leave(t, d.Dir, "\nhers\n") })
	if !d.empty(t.Context()) || len(d.got) != 1 {
		t.Fatalf("taken in: %+v; %s", d.got, &d.log)
	}
	got := d.got[0]
	if got.Owner != fmt.Sprint(alice) || got.Submitter != fmt.Sprintf("uid %d, left in %s", alice, d.Dir) || got.Account != "" || got.text != "\nhers\n" {
		t.Errorf("got %+v", got)
	}
	if left, _ := os.ReadDir(d.Dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNobodyReachesTheDroppedMailOfAnother(t *testing.T) {
	d := newDesk(t)
	var name string
	lab.As(t, alice, func() { name = leave(t, d.Dir, "\nhers\n") })
	path := filepath.Join(d.Dir, name)
	lab.As(t, mallet, func() {
		for what, err := range map[string]error{
			"list":     func() error { _, err := os.ReadDir(d.Dir); return err }(),
			"read":     func() error { _, err := os.ReadFile(path); return err }(),
			"write":    func() error { _, err := os.OpenFile(path, os.O_WRONLY, 0); return err }(),
			"remove":   os.Remove(path),
			"rename":   os.Rename(path, path+"x"),
			"replace":  func() error { mine := leave(t, d.Dir, "\nx\n"); return os.Rename(filepath.Join(d.Dir, mine), path) }(),
			"truncate": os.Truncate(path, 0),
		} {
			if err == nil {
				t.Errorf("mallet could %s it", what)
			}
		}
	})
	d.empty(t.Context())
	for _, m := range d.got {
		if m.text == "\nhers\n" && m.Owner != fmt.Sprint(alice) {
			t.Errorf("alice's became %s's", m.Owner)
		}
	}
	if len(d.got) != 2 { // hers, and the one that could not be put in its place
		t.Errorf("taken in: %+v", d.got)
	}
}

// What is no whole message of its owner is never taken in, never waited for,
// and never in the way of others.
func TestWhatIsNoMessageIsNotTakenIn(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("root's own"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		reason string
		put    func(t *testing.T, d *desk, path string) error
		aside  bool
	}{
		{"a link", func(_ *testing.T, _ *desk, p string) error { return os.Symlink(secret, p) }, false},
		{"a link to a message of mallet's", func(t *testing.T, d *desk, p string) error {
			mine := filepath.Join(d.Dir, leave(t, d.Dir, "\nx\n"))
			return os.Symlink(mine, p)
		}, false},
		{"a FIFO", func(_ *testing.T, _ *desk, p string) error { return unix.Mkfifo(p, 0o666) }, false},
		{"an empty directory", func(_ *testing.T, _ *desk, p string) error { return os.Mkdir(p, 0o777) }, false},
		{"a file with two names", func(t *testing.T, d *desk, p string) error {
			mine := filepath.Join(d.Dir, leave(t, d.Dir, "\nx\n"))
			return os.Link(mine, p)
		}, true},
		{"an empty file", func(_ *testing.T, _ *desk, p string) error { return os.WriteFile(p, nil, 0o640) }, true},
		{"a huge sparse file", func(_ *testing.T, _ *desk, p string) error {
			if err := os.WriteFile(p, nil, 0o640); err != nil {
				return err
			}
			return os.Truncate(p, 1<<40)
		}, true},
		{"half a message", func(t *testing.T, d *desk, p string) error {
			mine := filepath.Join(d.Dir, leave(t, d.Dir, strings.Repeat("x\n", 1000)))
			if err := os.Truncate(mine, 500); err != nil {
				return err
			}
			return os.Rename(mine, p)
		}, true},
		{"a message that was changed", func(t *testing.T, d *desk, p string) error {
			mine := filepath.Join(d.Dir, leave(t, d.Dir, strings.Repeat("x\n", 1000)))
			f, err := os.OpenFile(mine, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			if _, err = f.WriteAt([]byte("y"), 900); err != nil {
				return err
			}
			return os.Rename(mine, p)
		}, true},
		{"a message under another name", func(t *testing.T, d *desk, p string) error {
			return os.Rename(filepath.Join(d.Dir, leave(t, d.Dir, "\nx\n")), filepath.Join(filepath.Dir(p), "no name of a message"))
		}, false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			d := newDesk(t)
			path := filepath.Join(d.Dir, string(newID())+drop.Whole)
			lab.As(t, mallet, func() {
				if err := c.put(t, d, path); err != nil {
					t.Error(err)
				}
			})
			lab.As(t, alice, func() { leave(t, d.Dir, "\nhers\n") })
			d.empty(t.Context())
			hers := 0
			for _, m := range d.got {
				if strings.Contains(m.text, "root's own") {
					t.Errorf("taken in: %+v", m)
				}
				if m.Owner == fmt.Sprint(alice) {
					hers++
				}
			}
			if hers != 1 {
				t.Errorf("alice's was taken in %d times", hers)
			}
			if !strings.Contains(d.log.String(), fmt.Sprintf("uid=%d", mallet)) && !strings.Contains(c.reason, "directory") {
				t.Errorf("the log does not say whose it was: %s", &d.log)
			}
			left, _ := os.ReadDir(d.Dir)
			if aside := len(left) > 0 && strings.HasSuffix(left[0].Name(), drop.Aside); aside != c.aside {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// A user who swaps files under the eyes of the agent gains nothing: what is
// taken in is a whole message of that user's, and the agent gets on.
func TestNoSwapInTheDropDirectoryFoolsTheAgent(t *testing.T) {
	d := newDesk(t)
	top := filepath.Dir(d.Dir)
	secret := filepath.Join(top, "secret")
	if err := os.WriteFile(secret, []byte("root's own"), 0o600); err != nil {
		t.Fatal(err)
	}
	hers := filepath.Join(top, "hers")
	name := leave(t, d.Dir, "\nroot's own\n") // a message of root's, elsewhere
	if err := os.Rename(filepath.Join(d.Dir, name), hers); err != nil {
		t.Fatal(err)
	}
	template := filepath.Join(d.Dir, leave(t, d.Dir, "\nmallet's\n"))
	octets, err := os.ReadFile(template)
	if err != nil || os.Remove(template) != nil {
		t.Fatal(err)
	}
	const rounds = 3000
	done := make(chan struct{})
	go lab.As(t, mallet, func() {
		defer close(done)
		path := filepath.Join(d.Dir, string(newID())+drop.Whole)
		other := path + "x"
		for i := range rounds {
			os.Rename(filepath.Join(d.Dir, leaveQuick(d.Dir, octets)), path)
			switch i % 5 {
			case 0:
				os.Symlink(secret, other)
			case 1:
				os.Link(hers, other)
			case 2:
				unix.Mkfifo(other, 0o666)
			case 3:
				os.Symlink(hers, other)
			case 4:
				os.Rename(filepath.Join(d.Dir, leaveQuick(d.Dir, octets)), other)
				os.Truncate(other, 60)
			}
			os.Rename(other, path)
			os.Remove(path)
		}
	})
	for racing := true; racing; {
		select {
		case <-done:
			racing = false
		default:
		}
		d.empty(t.Context())
		d.log.Reset()
	}
	d.empty(t.Context())
	for _, m := range d.got {
		if m.Owner != fmt.Sprint(mallet) || m.text != "\nmallet's\n" {
			t.Fatalf("taken in: %+v", m)
		}
	}
	t.Logf("%d of %d files were taken in as they were meant", len(d.got), rounds)
	for path, want := range map[string]string{secret: "root's own"} {
		if text, err := os.ReadFile(path); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	if _, err := os.Stat(hers); err != nil {
		t.Error(err)
	}
}

// leaveQuick drops the octets of a message without syncing them.
func leaveQuick(dir string, octets []byte) string {
	name := string(newID()) + drop.Whole
	os.WriteFile(filepath.Join(dir, name), octets, 0o640)
	return name
}

func TestAUserWhoFillsTheDirectoryKeepsNobodyWaiting(t *testing.T) {
	d := newDesk(t)
	lab.As(t, mallet, func() {
		for i := range 3 * turn {
			id := newID()
			if _, err := drop.Create(d.Dir, id, envelope("b@example.net")); err != nil {
				t.Error(err)
				return
			}
			if i%3 == 0 { // the rest is never finished
				os.Rename(filepath.Join(d.Dir, string(id)+drop.Writing), filepath.Join(d.Dir, string(id)+drop.Whole))
			}
			os.WriteFile(filepath.Join(d.Dir, fmt.Sprint("junk", i)), nil, 0o600)
		}
		leave(t, d.Dir, "\nmallet's\n")
		leave(t, d.Dir, "\nmallet's\n")
	})
	lab.As(t, alice, func() { leave(t, d.Dir, "\nhers\n") })
	list, err := d.survey()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 2 || list[0].uid != alice && list[1].uid != alice {
		t.Errorf("alice's is not among the first two of %d", len(list))
	}
	d.empty(t.Context())
	if len(d.got) != 3 {
		t.Errorf("%d messages were taken in", len(d.got))
	}
	left, err := os.ReadDir(d.Dir)
	if err != nil || len(left) > mostAside+mostUnfinished {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}

// The log is not a user's to fill, and a directory is told of once.
func TestAUsersJunkDoesNotFillTheLog(t *testing.T) {
	d := newDesk(t)
	junk := func() {
		lab.As(t, mallet, func() {
			for i := range 500 {
				os.WriteFile(filepath.Join(d.Dir, fmt.Sprint("junk", i)), nil, 0o600)
			}
			for i := range 5 {
				os.MkdirAll(filepath.Join(d.Dir, fmt.Sprintf("dir%d%s/within", i, drop.Whole)), 0o700)
			}
		})
	}
	junk()
	lab.As(t, alice, func() { os.WriteFile(filepath.Join(d.Dir, "hers"), nil, 0o600) })
	for range 5 {
		d.empty(t.Context())
		junk()
	}
	lines := strings.Split(strings.TrimSpace(d.log.String()), "\n")
	if len(lines) > mostTold+2 {
		t.Errorf("%d lines", len(lines))
	}
	if !strings.Contains(d.log.String(), "name=hers") || !strings.Contains(d.log.String(), fmt.Sprintf("uid=%d more=", mallet)) {
		t.Errorf("the log says:\n%s", &d.log)
	}
	d.empty(t.Context())
	if whole, _ := filepath.Glob(filepath.Join(d.Dir, "*"+drop.Whole)); len(whole) > 0 {
		t.Errorf("%q would start the agent again and again", whole)
	}
	d.log.Reset()
	now := time.Now()
	d.Now = func() time.Time { return now.Add(2 * toldWithin) }
	for range 3 { // the directories are there for good
		d.empty(t.Context())
	}
	if strings.Contains(d.log.String(), "a directory stands") {
		t.Errorf("told again:\n%s", &d.log)
	}
}
