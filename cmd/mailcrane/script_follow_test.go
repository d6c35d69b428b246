package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// followKey is where a script keeps the program that it follows.
type followKey struct{}

// A followed program runs beside the script; what it prints grows in a file.
type followed struct {
	cmd  *exec.Cmd
	file string
	seen int // octets that an await has gone past
}

// scriptFollow is "follow FILE PROGRAM ARG...": it runs beside the script, and
// FILE is what it prints.
func scriptFollow(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, !neg && len(args) > 1, "follow FILE PROGRAM ARG...")
	f := ts.Value(followKey{}).(*followed) //nolint:forcetypeassert // no other is put there
	*f = followed{file: ts.MkAbs(args[0])}
	out, err := os.Create(f.file)
	ts.Check(err)
	path := args[1]
	if found, err := exec.LookPath(ts.Getenv("BIN") + "/" + path); err == nil {
		path = found
	}
	f.cmd = exec.Command(path, args[2:]...)
	f.cmd.Dir, f.cmd.Stdout, f.cmd.Stderr = ts.MkAbs("."), out, out
	for _, name := range []string{"HOME", "PATH", "MAILCRANE_CONFIG"} {
		if value := ts.Getenv(name); value != "" {
			f.cmd.Env = append(f.cmd.Env, name+"="+value)
		}
	}
	ts.Check(f.cmd.Start())
	ts.Defer(func() {
		f.cmd.Process.Kill()
		f.cmd.Wait()
		out.Close()
	})
}

// scriptAwait is "await TEXT": the program followed prints it, behind what was
// awaited before.
func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, !neg && len(args) == 1, "await TEXT")
	f := ts.Value(followKey{}).(*followed) //nolint:forcetypeassert // no other is put there
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	text := ""
	for late := time.After(30 * time.Second); ; {
		b, err := os.ReadFile(f.file)
		ts.Check(err)
		text = string(b[min(f.seen, len(b)):])
		if i := strings.Index(text, args[0]); i >= 0 {
			f.seen += i + len(args[0])
			return
		}
		select {
		case <-tick.C:
		case <-late:
			ts.Fatalf("%q is not printed; but %s", args[0], text)
		}
	}
}

// scriptPort is "port NAME": the number behind what was awaited last, into the
// environment.
func scriptPort(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, !neg && len(args) == 1, "port NAME")
	f := ts.Value(followKey{}).(*followed) //nolint:forcetypeassert // no other is put there
	b, err := os.ReadFile(f.file)
	ts.Check(err)
	digits := strings.TrimLeft(string(b[f.seen:]), "0123456789")
	ts.Setenv(args[0], string(b[f.seen:len(b)-len(digits)]))
}

// scriptHangup is "hangup": the program followed gets SIGHUP.
func scriptHangup(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, !neg && len(args) == 0, "hangup")
	f := ts.Value(followKey{}).(*followed) //nolint:forcetypeassert // no other is put there
	ts.Check(f.cmd.Process.Signal(syscall.SIGHUP))
}

// scriptInQueue is "inqueue TEXT": sooner or later a message in the queue has it.
func scriptInQueue(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, !neg && len(args) == 1, "inqueue TEXT")
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(30 * time.Second); ; {
		files, err := filepath.Glob(filepath.Join(ts.Getenv("SPOOL"), "queue", "*"))
		ts.Check(err)
		for _, file := range files {
			if b, err := os.ReadFile(file); err == nil && strings.Contains(string(b), args[0]) {
				return
			}
		}
		select {
		case <-tick.C:
		case <-late:
			ts.Fatalf("no message in the queue has %q", args[0])
		}
	}
}

// scriptInterrupt is "interrupt CODE": the program followed gets Ctrl-C, and
// ends with that code.
func scriptInterrupt(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, !neg && len(args) == 1, "interrupt CODE")
	f := ts.Value(followKey{}).(*followed) //nolint:forcetypeassert // no other is put there
	ts.Check(f.cmd.Process.Signal(syscall.SIGINT))
	scriptEnds(ts, neg, args)
}

// scriptEnds is "ends CODE": the program followed ends with that code.
func scriptEnds(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, !neg && len(args) == 1, "ends CODE")
	f := ts.Value(followKey{}).(*followed) //nolint:forcetypeassert // no other is put there
	kill := time.AfterFunc(30*time.Second, func() { f.cmd.Process.Kill() })
	defer kill.Stop()
	f.cmd.Wait()
	if got := f.cmd.ProcessState.String(); got != "exit status "+args[0] {
		said, _ := os.ReadFile(f.file)
		ts.Fatalf("it ended with %s; it said: %s", got, said)
	}
}
