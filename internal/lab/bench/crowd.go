//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A crowd is all processes of a contestant, those that it starts and leaves
// behind too: control groups, of either version.
type crowd struct {
	// processor and memory are folders; the same one in version 2.
	processor, memory string
	two               bool
}

// newCrowd is without processes.
func newCrowd() (*crowd, error) {
	const root = "/sys/fs/cgroup"
	name := "mailcrane-bench-" + strconv.Itoa(os.Getpid())
	c := &crowd{processor: filepath.Join(root, "cpuacct", name), memory: filepath.Join(root, "memory", name)}
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
		c.two = true
		c.processor = filepath.Join(root, name)
		c.memory = c.processor
	}
	err := os.MkdirAll(c.processor, 0o755)
	if err == nil {
		err = os.MkdirAll(c.memory, 0o755)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot make a control group: %w", err)
	}
	return c, nil
}

// join is the shell command by which a process comes in.
func (c *crowd) join() string {
	return fmt.Sprintf("echo $$ >%s/cgroup.procs; echo $$ >%s/cgroup.procs", c.processor, c.memory)
}

// disperse ends all processes.
func (c *crowd) disperse() error {
	for range 100 {
		left := c.members()
		if len(left) == 0 {
			return nil
		}
		for _, pid := range left {
			// It may have ended meanwhile.
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.New("processes of a contestant cannot be ended")
}

func (c *crowd) members() []int {
	text, err := os.ReadFile(filepath.Join(c.processor, "cgroup.procs"))
	if err != nil {
		return nil
	}
	var all []int
	for _, word := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(word); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// close ends all processes and removes the groups.
func (c *crowd) close() error {
	err := errors.Join(c.disperse(), os.Remove(c.processor))
	if !c.two {
		err = errors.Join(err, os.Remove(c.memory))
	}
	return err
}

// used is the processor time so far.
func (c *crowd) used() (time.Duration, error) {
	if c.two {
		usec, err := field64(filepath.Join(c.processor, "cpu.stat"), "usage_usec")
		return time.Duration(usec) * time.Microsecond, err
	}
	text, err := os.ReadFile(filepath.Join(c.processor, "cpuacct.usage"))
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return time.Duration(ns), err
}

// resident is the memory of now that is not pages of files.
func (c *crowd) resident() (int64, error) {
	name := "rss"
	if c.two {
		name = "anon"
	}
	return field64(filepath.Join(c.memory, "memory.stat"), name)
}

// field64 is the number after a name in a file of lines.
func field64(path, name string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, name)
}
