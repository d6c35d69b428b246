//go:build unix

package local

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// A world is a machine with users, whose homes are below one directory.
type world struct {
	t     *testing.T
	homes string
	users map[string]Account
}

// newWorld has the users alice, bob and carol; whoever runs the test is "me". Only root
// can be several users.
func newWorld(t *testing.T) *world {
	t.Helper()
	if os.Getuid() != 0 {
		lab.Missing(t, "to be root, who may be several users", "sudo go test ./...")
	}
	dir := t.TempDir()
	for path := dir; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{t, dir, map[string]Account{"root": {Name: "root", Home: filepath.Join(dir, "root"), Groups: []uint32{0}}}}
	for i, name := range []string{"alice", "bob", "carol", "nullmail"} {
		w.add(name, uint32(61001+i))
	}
	return w
}

func (w *world) add(name string, uid uint32) {
	a := Account{Name: name, Home: filepath.Join(w.homes, name), UID: uid, GID: uid, Groups: []uint32{uid}}
	w.users[name] = a
	w.must(os.Mkdir(a.Home, 0o755), os.Chown(a.Home, int(uid), int(uid)))
}

func (w *world) must(errs ...error) {
	w.t.Helper()
	for _, err := range errs {
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) find(name string) (Account, error) {
	a, ok := w.users[name]
	if !ok {
		return a, ErrUnknown
	}
	return a, nil
}

// deliverer is a Deliverer with that mailer.
func (w *world) deliverer(mailer string, set ...func(*Options)) *Deliverer {
	w.t.Helper()
	o := Options{
		Hostname: "mail.example.org", Users: w.find,
		Now: func() time.Time { return time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC) },
	}
	o.Mailer, o.DefaultUser = mailer, "nullmail"
	for _, f := range set {
		f(&o)
	}
	d, err := New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// mails are the texts of all messages in a directory.
func mails(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, contents(t, filepath.Join(dir, e.Name())))
	}
	return all
}

func contents(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.Clone(b))
}
