//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"mailcrane/internal/lab"
)

// A drainer is a taker whose queue can be opened.
type drainer struct {
	*taker
	// opens starts it with delivery to the address.
	opens func(address string) error
}

// A load is what a queue is filled with.
type load struct {
	what     string
	octets   int
	messages int
	kind     sinkKind
}

// A flow is how a queue emptied.
type flow struct {
	// whole is from the start of the program to the last 250, and stream from the
	// first 250.
	whole, stream time.Duration
	sessions      int
}

// drain measures how the queue of a server empties that was filled with delivery
// off: from its start to the last message that the sink has answered.
func drain(w *workshop) error {
	root := filepath.Join(lab.Root(), "peer-postfix/root")
	source := []string{"chroot", root, "/usr/sbin/smtp-source"}
	if _, err := os.Stat(filepath.Join(root, source[2])); err != nil || os.Getuid() != 0 {
		fmt.Println("  (left out: needs root, and smtp-source; run: internal/lab/lab.sh install-peers)")
		return nil
	}
	return w.onDisk(func(d *disk) error {
		all, err := w.drainers(d, root)
		if err != nil {
			return err
		}
		out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(out, "  messages\tprogram\tsynced\tmessages/s\ts from the start\tsessions")
		for _, l := range []load{
			{"4 KiB", 4 << 10, 200 * w.rounds, sinkKind{plain: true}},
			{"1 MiB", 1 << 20, 20 * w.rounds, sinkKind{plain: true}},
			{"4 KiB, the sink thinks for 10 ms", 4 << 10, 200 * w.rounds, sinkKind{plain: true, thinks: 10 * time.Millisecond}},
		} {
			if err := w.drainLoad(out, all, source, l); err != nil {
				return err
			}
		}
		return out.Flush()
	})
}

func (w *workshop) drainers(d *disk, root string) ([]*drainer, error) {
	us, err := w.serverThatOpens(d, "")
	if err != nil {
		return nil, err
	}
	all := []*drainer{us}
	if w.with == nil || slices.Contains(w.with, "postfix") {
		p, err := postfixDrainer(d, root)
		if err != nil {
			return nil, fmt.Errorf("postfix: %w", err)
		}
		all = append(all, p)
	}
	return all, nil
}

func (w *workshop) drainLoad(out *tabwriter.Writer, all []*drainer, source []string, l load) error {
	best := make(map[string]flow)
	for range max(1, w.rounds/3) {
		for _, p := range all {
			f, err := p.drain(w, source, l)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", l.what, p.name, err)
			}
			if before, measured := best[p.name]; !measured || f.stream < before.stream {
				best[p.name] = f
			}
		}
		slices.Reverse(all)
	}
	for _, p := range all {
		f := best[p.name]
		fmt.Fprintf(out, "  %d of %s\t%s\t%s\t%.0f\t%.2f\t%d\n", l.messages, l.what, p.name, p.synced,
			float64(l.messages)/f.stream.Seconds(), f.whole.Seconds(), f.sessions)
	}
	return nil
}

// drain fills the queue, and lets it empty.
func (p *drainer) drain(w *workshop, source []string, l load) (f flow, err error) {
	if err := p.fill(w, source, l); err != nil {
		return f, err
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return f, err
	}
	s, err := w.sinkOf(l.kind, listener)
	if err != nil {
		return f, err
	}
	defer s.close()
	if err := w.settle(); err != nil {
		return f, err
	}
	begin := time.Now()
	if err := p.opens(listener.Addr().String()); err != nil {
		return f, err
	}
	ended := w.undoing.later(func() { err = errors.Join(err, p.down(), p.empty()) })
	defer ended()
	first, last, err := s.awaits(l.messages)
	if err != nil {
		return f, err
	}
	seen, _ := s.seen()
	return flow{last.Sub(begin), last.Sub(first), seen.sessions}, nil
}

// fill has smtp-source hand messages in while nothing is delivered.
func (p *drainer) fill(w *workshop, source []string, l load) error {
	return p.filled(w, l.messages, func() error {
		args := append(slices.Clone(source), "-s", "20", "-d", "-m", strconv.Itoa(l.messages), "-l", strconv.Itoa(l.octets),
			"-f", "me@bench.test", "-t", "you@elsewhere.test", "127.0.0.1:"+strconv.Itoa(p.port))
		if text, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, text)
		}
		return nil
	})
}

// filled starts it with delivery off, has messages handed in, and ends it; all of
// them must be in its queue then.
func (p *drainer) filled(w *workshop, messages int, handIn func() error) error {
	if err := p.up(); err != nil {
		return err
	}
	var downErr error
	ended := w.undoing.later(func() { downErr = p.down() })
	err := errors.Join(p.empty(), p.answers())
	if err == nil {
		err = handIn()
	}
	ended()
	if err := errors.Join(err, downErr); err != nil {
		return err
	}
	if kept, err := p.kept(); err != nil || kept < messages {
		return errors.Join(fmt.Errorf("of %d messages %d were kept", messages, kept), err)
	}
	return nil
}

// awaits is when the first and the last of so many messages were answered.
func (s *sink) awaits(messages int) (first, last time.Time, err error) {
	const patience = 60 * time.Second
	for n := range messages {
		select {
		case last = <-s.accepted:
		case <-time.After(patience):
			return first, last, fmt.Errorf("of %d messages %d came, and none for %v", messages, n, patience)
		}
		if n == 0 {
			first = last
		}
	}
	return first, last, nil
}

// serverThatOpens is ours, filled with delivery off; more is what it has in [mta]
// when it is opened, where the address alone does not say where mail goes.
func (w *workshop) serverThatOpens(d *disk, more string) (*drainer, error) {
	t, err := w.takerOfOurs(d)
	if err != nil {
		return nil, err
	}
	program, err := w.build("./cmd/mailcrane")
	if err != nil {
		return nil, err
	}
	opening := *t // the same queue
	config := filepath.Join(w.dir, "open.toml")
	opening.runs(program, "--config", config, "mta")
	return opensAnother(t, &opening, func(address string) error {
		if address != "" {
			more = fmt.Sprintf("exchange.connect_only_to = %q", address)
		}
		return os.WriteFile(config, ourServer(filepath.Dir(t.queue), "background", more), 0o600)
	}), nil
}

// opensAnother is a drainer that is filled as one taker and emptied as another.
func opensAnother(filling, opening *taker, prepare func(address string) error) *drainer {
	running := filling
	p := &drainer{taker: &taker{name: filling.name, synced: filling.synced, queue: filling.queue, port: filling.port}}
	p.up = func() error { running = filling; return filling.up() }
	p.down = func() error { return running.down() }
	p.process = func() (int, error) { return running.process() }
	p.opens = func(address string) error {
		if err := prepare(address); err != nil {
			return err
		}
		running = opening
		return opening.up()
	}
	return p
}

// postfixDrainer is the instance that holds what it takes in. Opened, it has the
// messages where they are when they have just come, and a smarthost.
func postfixDrainer(d *disk, root string) (*drainer, error) {
	t, err := postfixTaker(d, root)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(root, "etc/postfix-in/main.cf")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	held, spool := t.queue, filepath.Dir(t.queue)
	start := t.up
	t.up = func() error {
		return errors.Join(os.WriteFile(path, text, 0o644), start())
	}
	opening := *t
	opening.up = start
	p := opensAnother(t, &opening, func(address string) error {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, fmt.Appendf(nil, "%srelayhost = [%s]:%s\n", text, host, port), 0o644); err != nil {
			return err
		}
		return filepath.WalkDir(held, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			return os.Rename(path, filepath.Join(spool, "incoming", entry.Name()))
		})
	})
	return p, nil
}
