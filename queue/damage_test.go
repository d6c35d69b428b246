package queue

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A swiftDisk takes no time for what only a power cut would show.
type swiftDisk struct{ Disk }

type swiftFile struct{ File }

func (d swiftDisk) Create(path string) (File, error) {
	f, err := d.Disk.Create(path)
	return swiftFile{f}, err
}

func (d swiftDisk) Append(path string) (File, error) {
	f, err := d.Disk.Append(path)
	return swiftFile{f}, err
}

func (swiftDisk) SyncDir(string) error { return nil }

func (swiftFile) Sync() error { return nil }

// A waiting message as its three parts: one of its recipients has had it.
type waiting struct {
	name         Name
	file, result []byte
}

func newWaiting(t *testing.T) waiting {
	t.Helper()
	s := testSpool(t)
	w := newWorld(t, s)
	w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
		if to.Address == "later@x.org" {
			return refuse(450, "later"), nil
		}
		return refuse(250, "ok"), nil
	}
	put(t, s, envelope("had@x.org", "later@x.org"), "Subject: x\n\nbody\n")
	w.flush()
	n := only(t, s)
	file, err := os.ReadFile(s.file(n))
	if err != nil {
		t.Fatal(err)
	}
	result, err := os.ReadFile(s.resultFile(n))
	if err != nil {
		t.Fatal(err)
	}
	n.Next = time.Time{}
	return waiting{n, file, result}
}

// damages is each octet in another form, each shorter length, and what a disk
// might put in its place or behind it.
func damages(whole []byte) map[string][]byte {
	all := make(map[string][]byte)
	for i := range whole {
		for _, bits := range []byte{0x01, 0x20, 0x80, 0xff} {
			b := bytes.Clone(whole)
			b[i] ^= bits
			all[fmt.Sprintf("octet %d is %q", i, b[i])] = b
		}
		all[fmt.Sprintf("cut to %d octets", i)] = whole[:i]
	}
	chance := rand.NewChaCha8([32]byte{1})
	for _, size := range []int{1, len(whole), 100_000} {
		b := make([]byte, size)
		_, _ = chance.Read(b) // never fails
		all[fmt.Sprintf("%d octets by chance", size)] = b
		all[fmt.Sprintf("%d octets by chance behind it, and a line end", size)] = append(append(bytes.Clone(whole), b...), '\n')
	}
	all["zeros"] = make([]byte, len(whole))
	all["a block of zeros behind it, and a line end"] = append(append(bytes.Clone(whole), make([]byte, 4096)...), '\n')
	return all
}

// A damagedSpool is full of damaged copies of one message; among them stand
// whole ones.
type damagedSpool struct {
	*Spool
	*world
	t       *testing.T
	next    time.Time
	how     map[string]string // by file name in the queue
	healthy int
}

func newDamagedSpool(t *testing.T) *damagedSpool {
	t.Helper()
	s := NewSpool(filepath.Join(t.TempDir(), "spool"), swiftDisk{OS{}}, time.Now)
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	d := &damagedSpool{Spool: s, world: newWorld(t, s), t: t, next: time.Unix(1764000000, 0), how: make(map[string]string)}
	for range 3 {
		put(t, s, envelope("healthy@x.org"), "x")
		d.healthy++
	}
	return d
}

// id is another one each time.
func (d *damagedSpool) id() ID {
	d.next = d.next.Add(time.Second)
	return newID(d.next)
}

// add puts a message in, past Put: result nil is none.
func (d *damagedSpool) add(how string, id ID, file string, text, result []byte) {
	d.t.Helper()
	err := os.WriteFile(filepath.Join(d.QueueDir(), file), text, 0o600)
	if err == nil && result != nil {
		err = os.WriteFile(d.resultFile(Name{ID: id}), result, 0o600)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	d.how[file] = how
}

// sweeps are ways to damage a waiting message.
var sweeps = []struct {
	part string
	fill func(d *damagedSpool, w waiting)
}{
	{"the file", func(d *damagedSpool, w waiting) {
		for how, text := range damages(w.file) {
			w.name.ID = d.id()
			d.add(how, w.name.ID, w.name.String(), text, w.result)
		}
	}},
	{"the result file", func(d *damagedSpool, w waiting) {
		for how, text := range damages(w.result) {
			w.name.ID = d.id()
			d.add(how, w.name.ID, w.name.String(), w.file, text)
		}
		w.name.ID = d.id()
		d.add("missing", w.name.ID, w.name.String(), w.file, nil)
	}},
	{"the name", func(d *damagedSpool, w waiting) {
		for how, text := range damages([]byte(w.name.String())) {
			name := string(text)
			if len(text) == 0 || len(text) > 255 || name == "." || strings.ContainsAny(name, "/\x00") {
				continue // no file can be called so
			}
			d.add(how, "", name, w.file, nil)
		}
		if err := os.WriteFile(d.resultFile(w.name), w.result, 0o600); err != nil {
			d.t.Fatal(err)
		}
	}},
}

// list looks at all that stands in the queue, as the commands do.
func (d *damagedSpool) list() {
	d.t.Helper()
	names, err := d.Sorted()
	if err != nil {
		d.t.Error(err)
	}
	for i, n := range names {
		if entry, ok := d.Shown(n); ok && entry.State(time.Now()) == "" {
			d.t.Errorf("%s has no state", n)
		}
		if i%100 > 0 {
			continue // to find one reads the whole directory
		}
		if _, body, err := d.Read(n.ID); err == nil {
			body.Close()
		}
	}
}

// check looks at what is left after the queue was run.
func (d *damagedSpool) check() {
	d.t.Helper()
	if n := d.copies("had@x.org"); n > 0 {
		d.t.Errorf("%d copies for who had the message already", n)
	}
	if n := d.copies("later@x.org"); n > 0 {
		d.t.Errorf("%d damaged messages were sent", n)
	}
	if n := d.copies("healthy@x.org"); n != d.healthy {
		d.t.Errorf("%d of %d others were sent", n, d.healthy)
	}
	if len(d.got) != 1 {
		d.t.Errorf("mail went to others, as a bounce would: %d addresses", len(d.got))
	}
	for file, how := range d.how {
		if _, err := os.Lstat(filepath.Join(d.DamagedDirs()[0], file)); err != nil {
			d.t.Errorf("%s: not set aside: %v", how, err)
		}
		if why, err := os.ReadFile(filepath.Join(d.DamagedDirs()[0], file+whySuffix)); err != nil || len(why) < 40 {
			d.t.Errorf("%s: the reason is %q, %v", how, why, err)
		}
	}
	if left, err := os.ReadDir(d.QueueDir()); err != nil || len(left) > 0 {
		d.t.Errorf("%d files are left in the queue, %v", len(left), err)
	}
}

func TestAnyDamageIsSetAsideAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, sweep := range sweeps {
		for _, run := range []struct {
			how string
			run func(t *testing.T, d *damagedSpool)
		}{
			{"flush", func(_ *testing.T, d *damagedSpool) {
				for range 2 { // a run takes a thousand strange names at most
					d.flush()
				}
			}},
			{"serve", func(t *testing.T, d *damagedSpool) {
				for range 2 {
					ctx, cancel := context.WithCancel(t.Context())
					stopped := make(chan error)
					go func() { stopped <- d.runner.Serve(ctx, nil, nil) }()
					synctest.Wait()
					cancel()
					if err := <-stopped; err != nil {
						t.Error(err)
					}
				}
			}},
		} {
			t.Run(sweep.part+", "+run.how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDamagedSpool(t)
					sweep.fill(d, newWaiting(t))
					d.list()
					run.run(t, d)
					d.list()
					d.check()
					t.Logf("%d damages", len(d.how))
				})
			})
		}
	}
}
