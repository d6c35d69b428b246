//go:build linux

package main

import (
	"bufio"
	"bytes"
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

// A taker is a program that takes mail in over SMTP and delivers none of it.
type taker struct {
	name string
	// synced says what is on the disk for certain when it has said 250.
	synced string
	// queue is the folder below which a message more is a file more.
	queue string
	port  int
	// up starts it, and down ends it.
	up, down func() error
	// process is a process of it; those of its session are all of it.
	process func() (int, error)
}

// takeIn measures messages of 4 KiB that Postfix's smtp-source hands in over the
// loopback, with one session and with twenty, with a connection for each message
// and with kept ones.
func takeIn(w *workshop) error {
	root := filepath.Join(lab.Root(), "peer-postfix/root") // whose libraries it needs
	source := []string{"chroot", root, "/usr/sbin/smtp-source"}
	if _, err := os.Stat(filepath.Join(root, source[2])); err != nil || os.Getuid() != 0 {
		fmt.Println("  (left out: needs root, and smtp-source; run: internal/lab/lab.sh install-peers)")
		return nil
	}
	return w.onDisk(func(d *disk) error { return w.takeInOn(d, source) })
}

func (w *workshop) takeInOn(d *disk, source []string) error {
	all, err := w.takers(d)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "  program\tsynced\tnew, 1\tkept, 1\tnew, 20\tkept, 20\tmemory MB")
	messages := 200 * w.rounds
	rates := make(map[string][4]float64)
	memory := make(map[string]float64)
	for range max(1, w.rounds/3) {
		for _, t := range all {
			best, peak, err := t.measure(w, source, messages)
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			before := rates[t.name]
			for i := range best {
				best[i] = max(best[i], before[i])
			}
			rates[t.name], memory[t.name] = best, max(peak, memory[t.name])
		}
		slices.Reverse(all)
	}
	for _, t := range all {
		r := rates[t.name]
		fmt.Fprintf(out, "  %s\t%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f\n", t.name, t.synced, r[0], r[1], r[2], r[3], memory[t.name])
	}
	return out.Flush()
}

// measure starts it, hands mail in by the four ways, and says what came a
// second, and the memory of its processes that no other shares.
func (t *taker) measure(w *workshop, source []string, messages int) (rates [4]float64, mb float64, err error) {
	if err := t.up(); err != nil {
		return rates, 0, err
	}
	ended := w.undoing.later(func() { err = errors.Join(err, t.down(), t.empty()) })
	defer ended()
	if err := t.answers(); err != nil {
		return rates, 0, err
	}
	for i, way := range [...][]string{{"-s", "1"}, {"-s", "1", "-d"}, {"-s", "20"}, {"-s", "20", "-d"}} {
		if err := errors.Join(t.empty(), w.settle()); err != nil {
			return rates, 0, err
		}
		args := append(slices.Concat(source, way), "-m", strconv.Itoa(messages), "-l", "4096", "-f", "me@bench.test", "-t", "you@elsewhere.test",
			"127.0.0.1:"+strconv.Itoa(t.port))
		begin := time.Now()
		if text, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return rates, 0, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, text)
		}
		rates[i] = float64(messages) / time.Since(begin).Seconds()
		if kept, err := t.kept(); err != nil || kept < messages {
			return rates, 0, fmt.Errorf("of %d messages %d were kept: %w", messages, kept, err)
		}
		now, err := t.memory()
		if err != nil {
			return rates, 0, err
		}
		mb = max(mb, now)
	}
	return rates, mb, nil
}

// answers waits until it greets.
func (t *taker) answers() error {
	const patience = 20 * time.Second
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(t.port))
		if err == nil {
			line, err := bufio.NewReader(c).ReadString('\n')
			c.Close()
			if err == nil && strings.HasPrefix(line, "220") {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("does not answer on port %d: %w", t.port, err)
		}
	}
}

func (t *taker) each(do func(path string) error) error {
	return filepath.WalkDir(t.queue, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil || !entry.Type().IsRegular():
			return err
		}
		return do(path)
	})
}

func (t *taker) kept() (n int, err error) {
	err = t.each(func(string) error { n++; return nil })
	return n, err
}

func (t *taker) empty() error { return t.each(os.Remove) }

// memory is the private memory of its processes, in MB.
func (t *taker) memory() (float64, error) {
	pid, err := t.process()
	if err != nil {
		return 0, err
	}
	all, err := filepath.Glob("/proc/[0-9]*/smaps_rollup")
	if err != nil {
		return 0, err
	}
	var kb float64
	for _, file := range all {
		other, _ := strconv.Atoi(strings.Split(file, "/")[2])
		if other != pid && !descends(other, pid) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		for line := range bytes.Lines(text) {
			var n float64
			if strings.HasPrefix(string(line), "Private_") {
				_, _ = fmt.Sscanf(string(line[bytes.IndexByte(line, ':')+1:]), "%f", &n)
				kb += n
			}
		}
	}
	return kb / 1000, nil
}

// descends says that a process is a child, or a child's child, of another.
func descends(pid, ancestor int) bool {
	for range 8 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return false
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if pid, _ = strconv.Atoi(fields[1]); pid == ancestor {
			return true
		}
	}
	return false
}
