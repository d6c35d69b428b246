//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"text/tabwriter"
	"time"
)

// A lister prints a queue of so many messages.
type lister struct {
	name    string
	command *exec.Cmd
	first   []time.Duration // to the first octet
	whole   []time.Duration
	peak    int64 // bytes
}

// queueList measures lists of queues of each size, ours beside those of the
// peers that have one file a message: from the start of the program to the
// first octet, and to the end.
func queueList(w *workshop) error {
	mailcrane, err := w.build("./cmd/mailcrane")
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "  messages\tprogram\tfirst octet ms\twhole list ms\tfastest\tslowest\tpeak MB")
	for _, n := range queueSizes() {
		h, err := w.full("list", refused, n)
		if err != nil {
			return err
		}
		all := []*lister{
			ourLister(h, "queue list", mailcrane, "queue", "list"),
			ourLister(h, "queue list --json", mailcrane, "queue", "list", "--json"),
			ourLister(h, "mailq", mailcrane, "mailq"),
		}
		peers, clean, err := w.peerListers(n)
		if err == nil {
			err = w.compareListers(append(all, peers...))
		}
		if err = errors.Join(err, clean()); err != nil {
			return err
		}
		for _, l := range append(all, peers...) {
			fmt.Fprintf(out, "  %d\t%s\t%.1f\t%.0f\t%.0f\t%.0f\t%.1f\n", n, l.name,
				ms(median(l.first)), ms(median(l.whole)), ms(slices.Min(l.whole)), ms(slices.Max(l.whole)), float64(l.peak)/1e6)
		}
	}
	return out.Flush()
}

func ourLister(h *home, name string, command ...string) *lister {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), h.env()...)
	return &lister{name: ours + " " + name, command: cmd}
}

// peerListers are the mailq of nullmailer and of Postfix, each with n messages
// in its queue. clean empties them again.
func (w *workshop) peerListers(n int) (all []*lister, clean func() error, err error) {
	peers, err := w.peers()
	var emptied []func() error
	clean = func() error {
		var failed error
		for _, empty := range emptied {
			failed = errors.Join(failed, empty())
		}
		return failed
	}
	for _, p := range peers {
		if err != nil || p.Name != "nullmailer" && p.Name != "postfix" {
			continue
		}
		emptied = append(emptied, p.empty)
		if err = w.clone(p, n); err == nil {
			cmd := exec.Command("/usr/bin/mailq")
			cmd.Env, cmd.Dir = p.environment(), "/"
			cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: p.Root}
			all = append(all, &lister{name: p.Name + " mailq", command: cmd})
		}
	}
	return all, clean, err
}

// clone has the peer take one message, and copies its file.
func (w *workshop) clone(p contestant, n int) error {
	message, err := w.message(1 << 10)
	if err != nil {
		return err
	}
	if err := p.empty(); err != nil {
		return err
	}
	if _, _, err := p.takeBatch(message, 1); err != nil {
		return err
	}
	return p.eachKept(func(path string) error {
		text, err := os.ReadFile(path)
		info, err2 := os.Stat(path)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		owner, _ := info.Sys().(*syscall.Stat_t)
		for i := range n - 1 {
			// Names of nullmailer's form, and of Postfix's.
			name := strconv.Itoa(1_700_000_000+i) + ".1"
			if p.Name == "postfix" {
				name = fmt.Sprintf("%010X", 1<<36+i)
			}
			to := filepath.Join(filepath.Dir(path), name)
			err := os.WriteFile(to, text, info.Mode().Perm())
			if err == nil {
				err = errors.Join(os.Chmod(to, info.Mode().Perm()), os.Chown(to, int(owner.Uid), int(owner.Gid)))
			}
			if err != nil {
				return err
			}
		}
		return fs.SkipAll
	})
}

// compareListers lets each list in turn.
func (w *workshop) compareListers(all []*lister) error {
	if err := w.settle(); err != nil {
		return err
	}
	for range max(3, w.rounds) {
		for _, l := range all {
			if err := l.list(); err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
		}
	}
	return nil
}

func (l *lister) list() error {
	cmd := *l.command
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	cmd.Stdout = write
	begin := time.Now()
	err = cmd.Start()
	write.Close()
	if err != nil {
		return err
	}
	_, err = io.ReadFull(read, make([]byte, 1))
	first := time.Since(begin)
	_, err2 := io.Copy(io.Discard, read)
	if err := errors.Join(err, err2, cmd.Wait()); err != nil {
		return err
	}
	l.first, l.whole = append(l.first, first), append(l.whole, time.Since(begin))
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		l.peak = max(l.peak, usage.Maxrss<<10)
	}
	return nil
}
