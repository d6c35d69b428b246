//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"mailcrane/internal/lab"
)

// The names of the contestants that a table compares with.
const (
	bareGo = "bare Go program"
	ours   = "mailcrane"
)

// A contestant is a program that takes a message on standard input.
type contestant struct {
	Name string
	// Command is run in the root directory Root, or in ours where that is "".
	Command []string
	Root    string
	Env     []string
	// Exit is the code it exits with when it has taken the message.
	Exit int
	// Queue is the folder, in Root, in which a message more is a file more
	// somewhere below; "" where nothing is kept.
	Queue string
	// Synced says what is on the disk for certain when it has exited; "" where
	// that is not asked.
	Synced string
}

// contestants builds the floor and ours, and finds the peers.
func (w *workshop) contestants() ([]contestant, error) {
	all, err := w.floor()
	if err != nil {
		return nil, err
	}
	us, err := w.ours()
	if err != nil {
		return nil, err
	}
	peers, err := w.peers()
	return append(append(all, us...), peers...), err
}

// floor is what nobody can be faster than: starting a program at all, and
// keeping a message.
func (w *workshop) floor() ([]contestant, error) {
	var all []contestant
	if empty, err := w.compile("empty"); err == nil {
		all = append(all, contestant{Name: "empty C program", Command: []string{empty}, Synced: "-"})
	} else {
		fmt.Printf("  (no empty C program: %v)\n", err)
	}
	bare, err := w.build("./internal/lab/bench/bare")
	if err != nil {
		return nil, err
	}
	queue, err := w.folder("bare-queue")
	return append(all, contestant{
		Name: bareGo, Command: []string{bare, queue}, Queue: queue, Synced: "file and directory",
	}), err
}

// ours is the shim with a configuration and a spool of the run.
func (w *workshop) ours() ([]contestant, error) {
	if sources, _ := filepath.Glob(filepath.Join(w.module, "cmd/sendmail/*.go")); len(sources) == 0 {
		fmt.Println("  (cmd/sendmail has no source here)")
		return nil, nil
	}
	shim, err := w.build("./cmd/sendmail")
	if err != nil {
		return nil, err
	}
	h, err := w.home("submit", "smarthost = \"smtp+insecure://127.0.0.1:1\"\nauth = \"none\"\n")
	if err != nil {
		return nil, err
	}
	return []contestant{h.submits(shim)}, nil
}

// peers are the other programs that are installed.
func (w *workshop) peers() ([]contestant, error) {
	if os.Getuid() != 0 {
		fmt.Println("  (other programs are left out: only root can run them in their own roots)")
		return nil, nil
	}
	files, err := filepath.Glob(filepath.Join(lab.Root(), "peer-*", "peer.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		fmt.Println("  (no other programs here; run: internal/lab/lab.sh install-peers)")
	}
	var all []contestant
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var c contestant
		if err := json.Unmarshal(data, &c); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if w.with == nil || slices.Contains(w.with, c.Name) {
			all = append(all, c)
		}
	}
	return all, nil
}

// build is the path of a Go program, built as make build does and copied as
// make install does: what the linker has written lies in memory in single
// pages, and starts a tenth slower than a file that was copied.
func (w *workshop) build(pkg string) (string, error) {
	out := filepath.Join(w.dir, filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, pkg)
	cmd.Dir, cmd.Env = w.module, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, text)
	}
	program, err := os.ReadFile(out)
	if err != nil {
		return "", err
	}
	if err := os.Remove(out); err != nil {
		return "", err
	}
	return out, os.WriteFile(out, program, 0o755)
}

// compile is the path of a C program of the floor.
func (w *workshop) compile(name string) (string, error) {
	out := filepath.Join(w.dir, name)
	source := filepath.Join(w.module, "internal/lab/bench/floor", name+".c")
	if text, err := exec.Command("cc", "-O2", "-o", out, source).CombinedOutput(); err != nil {
		return "", fmt.Errorf("cc %s: %w\n%s", source, err, text)
	}
	return out, nil
}

func (w *workshop) folder(name string) (string, error) {
	dir := filepath.Join(w.dir, name)
	return dir, os.MkdirAll(dir, 0o700)
}

// kept counts the files below the contestant's queue.
func (c *contestant) kept() (int, error) {
	n := 0
	err := c.eachKept(func(string) error { n++; return nil })
	return n, err
}

// empty deletes what the contestant has kept.
func (c *contestant) empty() error { return c.eachKept(os.Remove) }

func (c *contestant) eachKept(do func(path string) error) error {
	if c.Queue == "" {
		return nil
	}
	queue := filepath.Join(c.Root, c.Queue)
	if _, err := os.Stat(queue); os.IsNotExist(err) {
		return nil // made by the first message
	}
	return filepath.WalkDir(queue, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		return do(path)
	})
}
