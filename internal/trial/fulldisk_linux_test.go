package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
	"mailcrane/queue"
)

// A filling transport fills the disk of the spool after the last octet of each
// message, before the answers come.
type filling struct {
	t        *testing.T
	filler   string
	full     bool
	answers  []int // by recipient
	copies   map[string]int
	reports  int
	doubtful int // outcomes that were uncertain, as they were told
}

func (f *filling) Route(*queue.Envelope) (queue.Route, error) { return "main", nil }
func (f *filling) ReturnTo(e *queue.Envelope) string          { return e.From }
func (f *filling) Verdict(queue.Route) queue.Verdict          { return queue.Verdict{Try: true} }
func (f *filling) Changes() <-chan struct{}                   { return nil }
func (f *filling) Close(context.Context)                      {}

func (f *filling) Open(context.Context, queue.Route) (queue.Session, *queue.RouteFault) {
	return f, nil
}

func (f *filling) Deliver(ctx context.Context, d *queue.Delivery) *queue.RouteFault {
	if err := d.Commit(ctx); err != nil {
		return &queue.RouteFault{Step: queue.StepSession, Err: err}
	}
	if f.full {
		fill(f.t, f.filler)
	}
	for i, r := range d.To {
		code := 250
		if r.Address == me {
			f.reports++
		} else if n := strings.TrimSuffix(r.Address, "@trial.example"); f.full || f.answers[n[0]-'0'] == 550 {
			code = f.answers[n[0]-'0']
		}
		if code == 250 {
			f.copies[r.Address]++
		}
		d.Report(i, queue.OutcomeOf("mx.test", queue.Reply{Code: code, Text: strings.Repeat("because ", 60)}))
	}
	return nil
}

func (f *filling) flush(s *queue.Spool) {
	f.t.Helper()
	r := &queue.Runner{
		Spool: s, Router: f, Transport: f, Reach: f, Tuning: config.DefaultQueue(),
		Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Hostname: "localhost.localdomain",
		Watch: func(e queue.Event) {
			if e.Kind == queue.Settled && e.Outcome.State() == queue.Uncertain {
				f.doubtful++
			}
		},
	}
	if _, err := r.Flush(f.t.Context(), nil); err != nil {
		f.t.Error(err)
	}
}

// fill writes to a file until nothing more fits.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	if _, err := f.Write([]byte{0}); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	_ = f.Sync()
}

// TestADiskThatFillsUpBeforeTheAnswers has each kind of answer come when
// nothing more can be written down: nobody gets a message twice, nor is told
// that this may be.
func TestADiskThatFillsUpBeforeTheAnswers(t *testing.T) {
	t.Parallel()
	if !lab.OwnMounts(t) {
		return
	}
	tmpfs := t.TempDir()
	if err := unix.Mount("none", tmpfs, "tmpfs", 0, "size=512k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(tmpfs, 0); err != nil {
			t.Error(err)
		}
	})
	for _, disk := range []struct{ kind, dir string }{{"tmpfs", tmpfs}, {"ext4", lab.NewPowerDisk(t, 4<<20).Dir}} {
		for i, c := range []struct {
			reason  string
			from    string
			answers []int
		}{
			{"delivered: the file goes, which needs no room", me, []int{250}},
			{"refused for now: the name says enough", me, []int{451}},
			{"refused for good: there is no room for the report, so the server is asked again", me, []int{550}},
			{"one has it, and one not yet", me, []int{250, 451}},
			{"one has it, and one never will", me, []int{250, 550}},
			{"all answers at once", me, []int{451, 250, 550, 250, 451, 250, 550, 250, 451}},
			{"nobody has it yet", me, []int{451, 451}},
			{"a report that cannot be delivered", "", []int{451, 250}},
		} {
			dir := filepath.Join(disk.dir, fmt.Sprint(i))
			s := queue.NewSpool(dir, queue.OS{}, time.Now)
			f := &filling{t: t, filler: filepath.Join(disk.dir, "filler"), full: true, answers: c.answers, copies: map[string]int{}}
			e := &queue.Envelope{From: c.from}
			refused := false
			for n, code := range c.answers {
				e.To = append(e.To, queue.Recipient{Address: fmt.Sprintf("%d@trial.example", n)})
				refused = refused || code == 550
			}
			if _, err := s.Put(t.Context(), e, strings.NewReader("Subject: x\n\nx\n")); err != nil {
				t.Fatal(err)
			}
			f.flush(s)
			if err := os.Remove(f.filler); err != nil {
				t.Fatal(err)
			}
			f.full = false
			f.flush(s)
			for n, code := range c.answers {
				address := fmt.Sprintf("%d@trial.example", n)
				if want := map[bool]int{true: 1}[code != 550]; f.copies[address] != want {
					t.Errorf("%s: %s: the recipient with %d has %d copies", disk.kind, c.reason, code, f.copies[address])
				}
			}
			if f.doubtful > 0 || refused != (f.reports == 1) || f.reports > 1 {
				t.Errorf("%s: %s: %d uncertain, %d reports", disk.kind, c.reason, f.doubtful, f.reports)
			}
			if left, err := s.Sorted(); err != nil || len(left) > 0 {
				t.Errorf("%s: %s: left are %v, %v", disk.kind, c.reason, left, err)
			}
		}
	}
}
