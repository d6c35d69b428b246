//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

const (
	// idleTime is how long wake-ups are counted.
	idleTime = time.Minute
	// afterWork is how long the agent may take to come to rest.
	afterWork = 15 * time.Second
)

// idle counts how often an agent with nothing due wakes up, beside a Go
// program that does nothing at all.
func idle(w *workshop) error {
	asleep, err := w.build("./internal/lab/bench/asleep")
	if err != nil {
		return err
	}
	floor := exec.Command(asleep)
	end, err := floor.StdinPipe()
	if err != nil {
		return err
	}
	if err := floor.Start(); err != nil {
		return err
	}
	defer floor.Wait() //nolint:errcheck // it has nothing to say
	defer end.Close()
	return w.afield(sinkKind{}, nil, func(f *field) error {
		for range 20 {
			if err := f.sendOne(); err != nil {
				return err
			}
		}
		time.Sleep(afterWork)
		programs := []struct {
			name   string
			pid    int
			before *footprint
		}{{name: "mailcrane agent", pid: f.agent.Process.Pid}, {name: "Go program that waits", pid: floor.Process.Pid}}
		for i := range programs {
			if programs[i].before, err = read(programs[i].pid); err != nil {
				return err
			}
		}
		time.Sleep(idleTime)
		out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintf(out, "  program\twake-ups in %v\tresident MB\tof it own memory\tthreads\n", idleTime)
		for _, p := range programs {
			after, err := read(p.pid)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "  %s\t%d\t%.1f\t%.1f\t%d\n", p.name, after.switches-p.before.switches,
				float64(after.resident)/1e6, float64(after.own)/1e6, after.threads)
		}
		return out.Flush()
	})
}

// A footprint is what a process has of the machine.
type footprint struct {
	switches      int   // of all threads since they began, whoever caused them
	resident, own int   // octets; own is what is not pages of a file
	peak          int64 // octets, the most that were resident
	threads       int
}

// read is the footprint of a process now.
func read(pid int) (*footprint, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) == 0 {
		return nil, fmt.Errorf("process %d has ended", pid)
	}
	p := &footprint{threads: len(tasks)}
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(status) {
			key, value, _ := strings.Cut(string(line), ":")
			number, _, _ := strings.Cut(strings.TrimSpace(value), " ")
			n, err := strconv.Atoi(number)
			if err != nil {
				continue // not a number
			}
			switch key {
			case "voluntary_ctxt_switches", "nonvoluntary_ctxt_switches":
				p.switches += n
			case "VmHWM":
				p.peak = int64(n) << 10
			case "VmRSS": // of the process, the same in each thread
				p.resident = n << 10
			case "RssAnon":
				p.own = n << 10
			}
		}
	}
	return p, nil
}
