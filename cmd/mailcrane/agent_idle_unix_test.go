//go:build unix

package main

import (
	"bufio"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An idleHome is a person's, whose agent ends when nothing is queued and is
// started again as a service manager would: when mail stands in the queue, or
// somebody is at the socket that the manager keeps open.
type idleHome struct {
	t    *testing.T
	dir  string
	sink *sink
	l    *net.UnixListener
	file *os.File
}

func newIdleHome(t *testing.T) *idleHome {
	t.Helper()
	h := &idleHome{t: t, dir: t.TempDir(), sink: newSink(t, "")}
	l, err := net.Listen("unix", h.dir+"/sock")
	if err != nil {
		t.Fatal(err)
	}
	h.l = l.(*net.UnixListener)
	if h.file, err = h.l.File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.file.Close(); l.Close() })
	text := fmt.Sprintf("[queue]\ndirectory = %q\n[listen]\nmsp = [%q]\n[account.a]\nfrom = [\"me@example.org\"]\nsmarthost = \"smtp+insecure://%s\"\nauth = \"none\"\n",
		h.dir+"/spool", "unix:"+h.dir+"/sock", h.sink.listener.Addr())
	if err := os.WriteFile(h.dir+"/config", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

// agent starts one; ends has a value when it has said that it ends, and done
// when its process has gone.
func (h *idleHome) agent() (ends chan struct{}, done chan error) {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), "sh", "-c", `export LISTEN_PID=$$; exec "$@"`, "sh",
		filepath.Join(bin, "mailcrane"), "--config", h.dir+"/config", "agent", "--idle-exit", "20ms")
	cmd.Env = append(os.Environ(), "HOME="+h.dir, "LISTEN_FDS=1")
	cmd.ExtraFiles = []*os.File{h.file}
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		h.t.Fatal(err)
	}
	ends, done = make(chan struct{}, 1), make(chan error, 1)
	go func() {
		lines, log := bufio.NewScanner(stderr), ""
		for lines.Scan() {
			log += lines.Text() + "\n"
			if strings.Contains(lines.Text(), "agent ends") {
				ring(ends)
			}
		}
		err := cmd.Wait()
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, log)
		}
		done <- err
	}()
	return ends, done
}

func (h *idleHome) queued() bool {
	names, err := os.ReadDir(h.dir + "/spool/queue")
	return err == nil && len(names) > 0
}

// byShim and bySocket hand a message in.
func (h *idleHome) byShim(to string) error {
	cmd := exec.Command(filepath.Join(bin, "sendmail"), "-C", h.dir+"/config", "-f", "me@example.org", to)
	cmd.Env = append(os.Environ(), "HOME="+h.dir)
	cmd.Stdin = strings.NewReader("Subject: x\n\nx\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func (h *idleHome) bySocket(to string) error {
	conn, err := net.Dial("unix", h.dir+"/sock")
	if err != nil {
		return err
	}
	defer conn.Close()
	talk := textproto.NewConn(conn)
	_, _, err = talk.ReadResponse(220)
	for _, step := range []struct {
		says  string
		wants int
	}{
		{"HELO localhost", 250},
		{"MAIL FROM:<me@example.org>", 250},
		{"RCPT TO:<" + to + ">", 250},
		{"DATA", 354},
		{"Subject: x\r\n\r\nx\r\n.", 250},
		{"QUIT", 221},
	} {
		if err == nil {
			err = talk.PrintfLine("%s", step.says)
		}
		if err == nil {
			_, _, err = talk.ReadResponse(step.wants)
		}
	}
	return err
}

// Mail that comes in at any moment between the agent's decision to end and the
// end of its process leaves, and leaves once.
func TestNoMailIsLostInTheGapBetweenTheDecisionToEndAndTheEnd(t *testing.T) {
	t.Parallel()
	h := newIdleHome(t)
	const rounds = 40
	ends, done := h.agent()
	handedIn := make(chan error, 1)
	for round := range rounds {
		to := fmt.Sprintf("round%d@example.net", round)
		submit := []func(string) error{h.byShim, h.bySocket}[round%2]
		select {
		case <-ends: // in the gap
		case err := <-done:
			t.Fatalf("it ended without a word: %v", err)
		}
		if round%4 >= 2 { // behind it
			done <- <-done
		}
		go func() { handedIn <- submit(to) }()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		// As the service manager, which sees the socket and the queue.
		var err error
		if round%2 == 0 {
			err = <-handedIn
			if !h.queued() {
				t.Logf("round %d: taken by the agent that was about to end", round)
			}
			ends, done = h.agent()
		} else {
			ends, done = h.agent()
			err = <-handedIn
		}
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		select {
		case got := <-h.sink.taken:
			if got != to {
				t.Fatalf("round %d: %s came", round, got)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("round %d: the message did not come", round)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	select {
	case again := <-h.sink.taken:
		t.Errorf("%s came twice", again)
	default:
	}
	if h.queued() {
		t.Error("the agent ended with mail in the queue")
	}
}

// What waits, for whatever reason, keeps the agent; when it has left the queue
// by a person's hand, the agent ends.
func TestAnAgentDoesNotEndWhileMailWaits(t *testing.T) {
	t.Parallel()
	h := newIdleHome(t)
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(filepath.Join(bin, "mailcrane"), append([]string{"--config", h.dir + "/config"}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+h.dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	submit := exec.Command(filepath.Join(bin, "mailcrane"), "sendmail", "--at", "tomorrow 8:00", "-f", "me@example.org", "later@example.net")
	submit.Env, submit.Stdin = append(os.Environ(), "HOME="+h.dir, "MAILCRANE_CONFIG="+h.dir+"/config"), strings.NewReader("Subject: x\n\nx\n")
	if out, err := submit.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	names, err := os.ReadDir(h.dir + "/spool/queue")
	if err != nil || len(names) != 1 {
		t.Fatalf("%v, %v", names, err)
	}
	id, _, _ := strings.Cut(names[0].Name(), ".")
	ends, done := h.agent()
	// Many times as long as it would take to end.
	if err := h.byShim("now@example.net"); err != nil {
		t.Fatal(err)
	}
	<-h.sink.taken
	select {
	case <-ends:
		t.Fatal("it ends with a message in the queue")
	case <-time.After(300 * time.Millisecond):
	}
	run("queue", "hold", id)
	run("queue", "remove", id)
	<-ends
	if err := <-done; err != nil {
		t.Error(err)
	}
}
