//go:build linux

// Command bench measures mailcrane beside other programs that do the same, all
// in one run and in changing order, so that what the machine does meanwhile
// hits all of them alike.
//
//	go run ./internal/lab/bench [-rounds N] [-with PROGRAM,…] [NAME…]
//
// Peers are measured where internal/lab/lab.sh install-peers has put them. It
// needs root, for a peer runs in a root of its own.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mailcrane/internal/lab"
)

// A bench measures one thing and prints a table. To add one, write its
// function in a file of its own and name it in benches.
type bench struct {
	name string
	what string
	run  func(*workshop) error
}

func benches() []bench {
	return []bench{
		{"submit", "sendmail -t -oi < 4 KiB, delivery deferred, one at a time", submitOneByOne},
		{"submit-ten", "the same, ten at once", submitTenAtOnce},
		{"submit-50m", "sendmail -t -oi < 50 MB, delivery deferred", submitLarge},
		{"relay-50m", "a queue run with one message of 50 MB, over TLS at once with AUTH", relayLarge},
		{"route-up", "from the route that comes up to the first message accepted", routeUp},
		{"network-manager", "the same where NetworkManager brings the way out, or says that a portal has opened", networkManager},
		{"queue-run", "a queue run over a queue of each size, over TLS at once with AUTH", queueRun},
		{"queue-agent", "an agent with a full queue whose server refuses connections, for 20 s", queueAgent},
		{"queue-list", "a list of a queue of each size", queueList},
		{"queue-submit", "sendmail -t -oi < 4 KiB into a queue of each size, delivery deferred", queueSubmit},
		{"wire", "queue runs of 1, 10 and 100 messages of 2 KiB, round trips of 600 ms", wire},
		{"wire-slow", "queue runs of 1 and 10 messages of 2 KiB at 9.6 kbit/s, round trips of 600 ms", wireSlow},
		{"wire-throughput", "queue runs of 1,000 messages of 4 KiB over the loopback", wireThroughput},
		{"take-in", "messages of 4 KiB taken in over SMTP a second, by new and by kept connections, 1 and 20 at once", takeIn},
		{"drain", "a server's full queue to one sink on the loopback, which answers at once or thinks for 10 ms", drain},
		{"dead", "a server's queue to 100 destinations of which 20 are dead, and to the 80 others alone", dead},
		{"idle", "an agent with nothing due, after 20 messages", idle},
	}
}

// A workshop is what all benches share.
type workshop struct {
	// dir is a folder of the run, on the file system that the peers' queues
	// are on.
	dir string
	// rounds scales how often things are measured: 1 is quick and rough, 10
	// the default.
	rounds int
	// with names the other programs that take part; nil is all.
	with []string
	// module is the folder of go.mod.
	module  string
	undoing undoing
}

func main() {
	rounds := flag.Int("rounds", 10, "how thorough to be; 1 is quick and rough")
	with := flag.String("with", "", "only these other programs, with commas; \"-\" is none")
	flag.Usage = usage
	flag.Parse()
	if err := run(*rounds, *with, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: bench [-rounds N] [-with PROGRAM,…] [NAME…]")
	for _, b := range benches() {
		fmt.Fprintf(os.Stderr, "  %-15s %s\n", b.name, b.what)
	}
}

func run(rounds int, with string, names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(benches(), func(b bench) bool { return b.name == name }) {
			return fmt.Errorf("no bench is called %s; try -help", name)
		}
	}
	module, err := moduleDir()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(lab.Root(), 0o755); err != nil {
		return err
	}
	unlock, err := alone()
	if err != nil {
		return err
	}
	defer unlock()
	dir, err := os.MkdirTemp(lab.Root(), "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w := &workshop{dir: dir, rounds: max(1, rounds), module: module}
	if with != "" {
		w.with = strings.Split(with, ",")
	}
	w.undoing.later(func() { os.RemoveAll(dir) })
	w.undoing.interruptible()
	for _, b := range benches() {
		if len(names) > 0 && !slices.Contains(names, b.name) {
			continue
		}
		fmt.Printf("\n%s: %s\n", b.name, b.what)
		if err := b.run(w); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
	}
	return nil
}

// alone waits until no other bench runs on this machine: they would empty each
// other's queues, and measure each other.
func alone() (unlock func(), err error) {
	path := filepath.Join(lab.Root(), "bench.lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		fmt.Println("waiting for another bench to end")
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return func() { f.Close() }, nil
}

// moduleDir is the folder above this one with the module's go.mod.
func moduleDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("run it inside the module's folder")
		}
	}
}
