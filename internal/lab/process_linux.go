package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// WakeUps is how often each thread of a process has gone to sleep of itself, which
// is how often it was woken. proc is where proc(5) of the process is: /proc, or
// that of a Machine.
func WakeUps(t testing.TB, proc string, pid int) map[string]int {
	t.Helper()
	tasks, err := filepath.Glob(filepath.Join(proc, fmt.Sprint(pid), "task/*/status"))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("process %d has no threads: %v", pid, err)
	}
	counts := make(map[string]int)
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			t.Fatal(err)
		}
		counts[filepath.Base(filepath.Dir(task))] = StatusNumber(t, string(text), "voluntary_ctxt_switches")
	}
	return counts
}

// StatusNumber is the value of a line of a status file of proc(5).
func StatusNumber(t testing.TB, status, key string) int {
	t.Helper()
	_, rest, _ := strings.Cut("\n"+status, "\n"+key+":")
	line, _, _ := strings.Cut(rest, "\n")
	words := strings.Fields(line)
	if len(words) == 0 {
		t.Fatalf("no %s in:\n%s", key, status)
	}
	n, err := strconv.Atoi(words[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// NothingGrows counts the goroutines and the open descriptors of this process.
// check fails the test if there are more by then; it waits a while for what is on its
// way out.
func NothingGrows(t testing.TB) (check func()) {
	t.Helper()
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors(t)
	return func() {
		t.Helper()
		// The runtime may have begun one of its own meanwhile, for cleanups.
		const ofRuntime = 1
		most := goroutines + ofRuntime
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); runtime.Gosched() {
			if runtime.NumGoroutine() <= most && openDescriptors(t) <= descriptors {
				return
			}
		}
		if n := runtime.NumGoroutine(); n > most {
			t.Errorf("goroutines: %d before, %d after", goroutines, n)
		}
		if n := openDescriptors(t); n > descriptors {
			t.Errorf("descriptors: %d before, %d after", descriptors, n)
		}
	}
}

func openDescriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
