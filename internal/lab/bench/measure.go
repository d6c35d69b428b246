//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A sample is what was measured of one contestant.
type sample struct {
	contestant
	times []time.Duration // one for each message, or the share of each in a batch
	cpu   []time.Duration // likewise; of the program and what it waited for
	peak  int64           // bytes, 0 where it was not measured
}

func median(times []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(times))[len(times)/2]
}

// compare lets each contestant take message, batch times at once, in rounds,
// each in an order of its own: whoever comes next finds the caches as the one
// before has left them, and no two shall always be neighbours. It checks that
// each message was kept.
func (w *workshop) compare(all []contestant, message string, rounds, batch int) ([]*sample, error) {
	samples := make([]*sample, len(all))
	for i, c := range all {
		samples[i] = &sample{contestant: c}
		// Once beforehand: the program comes into the page cache, and makes
		// its folders.
		if _, _, err := c.takeBatch(message, 1); err != nil {
			return nil, err
		}
		if err := c.empty(); err != nil {
			return nil, err
		}
	}
	order := slices.Clone(samples)
	shuffle := rand.New(rand.NewPCG(0, 0)) // the same orders in each run
	for range rounds {
		shuffle.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, s := range order {
			if err := w.round(s, message, batch); err != nil {
				return nil, err
			}
		}
	}
	return samples, w.peaks(samples, message)
}

// round measures one batch.
func (w *workshop) round(s *sample, message string, batch int) error {
	// Whatever others have left to be written must not be paid for by this
	// one's fsync.
	if err := w.settle(); err != nil {
		return err
	}
	took, cpu, err := s.takeBatch(message, batch)
	if err != nil {
		return err
	}
	s.times = append(s.times, took/time.Duration(batch))
	s.cpu = append(s.cpu, cpu/time.Duration(batch))
	kept, err := s.kept()
	if err != nil {
		return err
	}
	if s.Queue != "" && kept < batch {
		return fmt.Errorf("%s exited with %d, and of %d messages it keeps %d", s.Name, s.Exit, batch, kept)
	}
	return s.empty()
}

// settle writes the file system's dirty pages and its journal.
func (w *workshop) settle() error {
	dir, err := os.Open(w.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return unix.Syncfs(int(dir.Fd()))
}

// takeBatch is how long it takes from the first start to the last end, and the
// processor time of all.
func (c *contestant) takeBatch(message string, batch int) (took, cpu time.Duration, err error) {
	inputs := make([]*os.File, batch)
	for i := range inputs {
		f, err := os.Open(message)
		if err != nil {
			return 0, 0, err
		}
		defer f.Close()
		inputs[i] = f
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, 0, err
	}
	defer null.Close()
	processes := make([]*os.Process, 0, batch)
	begin := time.Now()
	for _, input := range inputs {
		p, err := c.start(input, null)
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", c.Name, err)
		}
		processes = append(processes, p)
	}
	var failed error
	for _, p := range processes {
		state, err := p.Wait()
		if err == nil && state.ExitCode() != c.Exit {
			err = fmt.Errorf("%s: %s\n%s", c.Name, state, c.complaint(message))
		}
		failed = errors.Join(failed, err)
		cpu += state.UserTime() + state.SystemTime()
	}
	return time.Since(begin), cpu, failed
}

func (c *contestant) start(input, null *os.File) (*os.Process, error) {
	attr := &os.ProcAttr{
		Dir: "/", Env: c.environment(), Files: []*os.File{input, null, null},
	}
	if c.Root != "" {
		attr.Sys = &syscall.SysProcAttr{Chroot: c.Root}
	}
	return os.StartProcess(c.Command[0], c.Command, attr)
}

func (c *contestant) environment() []string {
	return append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "USER=root", "LOGNAME=root"}, c.Env...)
}

// complaint is what the contestant says when it is given the message again.
func (c *contestant) complaint(message string) []byte {
	input, err := os.Open(message)
	if err != nil {
		return []byte(err.Error())
	}
	defer input.Close()
	cmd := exec.Command(c.Command[0], c.Command[1:]...)
	cmd.Stdin, cmd.Env, cmd.Dir = input, c.environment(), "/"
	if c.Root != "" {
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.Root}
	}
	out, _ := cmd.CombinedOutput()
	return out
}

// peaks measures the peak memory of each once more.
func (w *workshop) peaks(samples []*sample, message string) error {
	for _, s := range samples {
		if err := w.peak(s, message); err != nil {
			return err
		}
		if err := s.empty(); err != nil {
			return err
		}
	}
	return nil
}

// peak measures the peak memory of a program that is not in a root of its own.
func (w *workshop) peak(s *sample, message string) error {
	if s.Root != "" {
		return nil
	}
	helper, err := w.compile("peak")
	if err != nil {
		return nil //nolint:nilerr // without a C compiler the column stays empty
	}
	input, err := os.Open(message)
	if err != nil {
		return err
	}
	defer input.Close()
	cmd := exec.Command(helper, s.Command...)
	var out strings.Builder
	cmd.Stdin, cmd.Stderr, cmd.Env = input, &out, s.environment()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(s.Command[0]), err, out.String())
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(out.String()), 10, 64)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	s.peak = kib << 10
	return nil
}
