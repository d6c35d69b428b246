//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"mailcrane/internal/lab"
)

// A racer is a program that is given messages, holds them, and at a sign hands
// all of them to a smarthost. Its parts are shell commands that run in its root.
type racer struct {
	name string
	root string // "" is this machine's
	env  []string
	// files are written into the root beforehand.
	files map[string]string
	// ready starts what has to run. Before each run, hold has it send nothing,
	// take puts standard input into the queue, held waits until all $n are there;
	// run is the sign.
	ready, hold, take, held, run string
}

// A track is where racers run: in the laptop of a network, one at a time.
type track struct {
	*workshop
	network *lab.Network
	sink    *sink
	message string
	crowd   *crowd
	// pause is how long the last packets of a session take.
	pause time.Duration
}

// A heat is what was measured of one run of n messages.
type heat struct {
	n int
	// took is from the sign to the last message's 250.
	took time.Duration
	cpu  time.Duration
	peak int64 // bytes
	sink sinkCount
	// failed says why there is no result.
	failed error
}

// restLimit is how long the sessions may take to end.
const restLimit = 60 * time.Second

// raceLimit is how long a run may take: the slowest program with 100 messages
// needs eleven minutes.
func (w *workshop) raceLimit() time.Duration {
	if w.rounds >= 10 {
		return 15 * time.Minute
	}
	return 90 * time.Second
}

// errTooSlow stands for a run that was not tried.
var errTooSlow = errors.New("more than -rounds has patience for")

// race measures a run of each number of messages, after one message beforehand
// which leaves behind whatever the racer remembers.
func (t *track) race(r racer, numbers ...int) (heats []heat, err error) {
	defer func() { err = errors.Join(err, t.crowd.disperse()) }()
	if err := t.prepare(r); err != nil {
		return nil, err
	}
	if err := t.do(r, r.ready); err != nil {
		return nil, err
	}
	if first := t.heat(r, 1); first.failed != nil {
		return nil, fmt.Errorf("the message beforehand: %w", first.failed)
	}
	for i, n := range numbers {
		h := heat{n: n, failed: errTooSlow}
		if i == 0 || heats[i-1].took*time.Duration(n)/time.Duration(heats[i-1].n) < t.raceLimit() {
			h = t.heat(r, n)
		}
		heats = append(heats, h)
		if h.failed != nil {
			break // what is left in its queue would count for the next
		}
	}
	return heats, nil
}

// prepare writes the racer's files and the message.
func (t *track) prepare(r racer) error {
	message, err := os.ReadFile(t.message)
	if err != nil {
		return err
	}
	files := map[string]string{"/tmp/bench-message": string(message)}
	for name, text := range r.files {
		files[name] = text
	}
	if r.root != "" {
		ca, err := os.ReadFile(t.sink.ca)
		if err != nil {
			return err
		}
		files["/etc/bench-ca.pem"] = string(ca)
		// Who asks for the sink's name gets an answer, and for any other name
		// hears at once that there is none.
		files["/etc/hosts"] = "127.0.0.1 localhost bench.test\n" + lab.SmarthostIP + " smarthost.test\n"
		files["/etc/resolv.conf"] = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
	}
	for name, text := range files {
		path := filepath.Join(r.root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// heat lets the racer take n messages, and run.
func (t *track) heat(r racer, n int) heat {
	h := heat{n: n}
	load := fmt.Sprintf("n=%d; i=0; while [ $i -lt $n ]; do (%s) </tmp/bench-message || exit; i=$((i+1)); done; %s", n, r.take, r.held)
	for _, script := range []string{r.hold, load} {
		if h.failed = t.do(r, script); h.failed != nil {
			return h
		}
	}
	if h.failed = errors.Join(t.settle(), t.quiet()); h.failed != nil {
		return h
	}
	t.sink.forget()
	h.failed = t.measure(&h, r)
	return h
}

func (t *track) measure(h *heat, r racer) error {
	before, err := t.crowd.used()
	if err != nil {
		return err
	}
	var said bytes.Buffer
	cmd := t.command(r, r.run)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = time.Second
	peaked, stop := t.watch()
	begin := time.Now()
	if err := t.network.Laptop.Do(cmd.Start); err != nil {
		return err
	}
	last, err := t.sink.await(h.n, t.raceLimit())
	if err == nil {
		err = t.sink.deserted(restLimit)
	}
	h.took = last.Sub(begin)
	if err != nil {
		err = errors.Join(err, t.crowd.disperse())
	}
	// Daemons that it has started may keep its output open, which WaitDelay ends.
	if ended := cmd.Wait(); ended != nil && !errors.Is(ended, exec.ErrWaitDelay) {
		err = errors.Join(err, fmt.Errorf("%s: %w\n%s", r.run, ended, said.String()))
	}
	close(stop)
	h.peak = <-peaked
	after, err2 := t.crowd.used()
	h.cpu = after - before
	h.sink, _ = t.sink.seen()
	return errors.Join(err, err2)
}

// watch looks at the crowd's memory until stop is closed.
func (t *track) watch() (peaked <-chan int64, stop chan struct{}) {
	peak := make(chan int64, 1)
	stop = make(chan struct{})
	go func() {
		var most int64
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			if now, err := t.crowd.resident(); err == nil {
				most = max(most, now)
			}
			select {
			case <-tick.C:
			case <-stop:
				peak <- most
				return
			}
		}
	}()
	return peak, stop
}

// do runs a command of the racer to its end.
func (t *track) do(r racer, script string) error {
	if script == "" {
		return nil
	}
	var said bytes.Buffer
	cmd := t.command(r, script)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &said, &said, time.Second
	if err := t.network.Laptop.Do(cmd.Start); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("%s: %w\n%s", script, err, said.String())
	}
	return nil
}

// command is a script of the racer's, which it and all that it starts run as one
// crowd.
func (t *track) command(r racer, script string) *exec.Cmd {
	args := []string{"-c", t.crowd.join() + `; exec "$@"`, "sh"}
	if r.root != "" {
		args = append(args, "chroot", r.root)
	}
	cmd := exec.Command("/bin/sh", append(args, "/bin/sh", "-c", script)...)
	c := contestant{Env: r.env}
	cmd.Env, cmd.Dir = c.environment(), "/"
	return cmd
}

// await waits until n messages have been accepted, and says when the last was.
func (s *sink) await(n int, limit time.Duration) (last time.Time, err error) {
	over := time.After(limit)
	for i := range n {
		select {
		case last = <-s.accepted:
		case <-over:
			return last, fmt.Errorf("%d of %d after %v", i, n, limit)
		}
	}
	return last, nil
}

// quiet waits until nothing is on the link any more that a session has left
// behind: its last words, and those of TCP.
func (t *track) quiet() error {
	err := t.sink.deserted(restLimit)
	time.Sleep(t.pause)
	return err
}

// deserted waits until all sessions have ended.
func (s *sink) deserted(limit time.Duration) error {
	for end := time.Now().Add(limit); ; time.Sleep(10 * time.Millisecond) {
		switch _, open := s.seen(); {
		case open == 0:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("%d sessions still open after %v", open, limit)
		}
	}
}
