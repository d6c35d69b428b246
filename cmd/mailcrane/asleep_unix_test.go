//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A sink is a server that takes all mail, but puts off what is for later@ once,
// and stands still once where it is told to.
type sink struct {
	listener net.Listener
	// halts is "middle" or "end" of the message for hangs@. halted is then
	// closed, and the connection is dead once gone is.
	halts        string
	halted, gone chan struct{}
	// slow has a value when all of the message for slow@ is there, whose answer
	// takes a second.
	slow chan struct{}
	// taken has the recipient of each message that was received whole.
	taken chan string

	mu   sync.Mutex
	once map[string]bool
}

func newSink(t *testing.T, halts string) *sink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{
		listener: l, halts: halts, halted: make(chan struct{}), gone: make(chan struct{}),
		slow: make(chan struct{}, 1), taken: make(chan string, 100), once: make(map[string]bool),
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { s.talk(conn.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() { l.Close(); open.Wait() })
	return s
}

// first says whether it is asked for what for the first time.
func (s *sink) first(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.once[what]
	s.once[what] = true
	return !before
}

func (s *sink) talk(conn *net.TCPConn) {
	defer conn.Close()
	// Of a message that it does not read, it has only the beginning.
	_ = conn.SetReadBuffer(32 << 10)
	lines := bufio.NewScanner(conn)
	say := func(reply string) { fmt.Fprintf(conn, "%s\r\n", reply) }
	to := ""
	say("220 sink")
	for lines.Scan() {
		switch verb, rest, _ := strings.Cut(lines.Text(), ":"); strings.ToUpper(verb) {
		case "RCPT TO":
			if to = strings.Trim(rest, "<> "); to == "later@x.org" && s.first(to) {
				say("451 4.2.0 come back later")
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go on")
			if !s.data(conn, lines, to) {
				return
			}
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 sink")
		}
	}
}

// data reads a message, and says whether the connection goes on.
func (s *sink) data(conn *net.TCPConn, lines *bufio.Scanner, to string) bool {
	stand := func() {
		close(s.halted)
		<-s.gone
		_ = conn.SetLinger(0) // nobody there any more: RST
	}
	for octets := 0; lines.Scan() && lines.Text() != "."; octets += len(lines.Text()) {
		if octets > 100_000 && s.halts == "middle" && s.first("halt") {
			stand()
			return false
		}
	}
	if to == "slow@x.org" {
		s.slow <- struct{}{}
		<-time.After(time.Second)
	}
	s.taken <- to
	if to == "hangs@x.org" && s.halts == "end" && s.first("halt") {
		stand()
		return false
	}
	return lines.Err() == nil
}

// A sleeper is an agent in a process of its own, on a machine that can sleep.
type sleeper struct {
	t    *testing.T
	home string
	cmd  *exec.Cmd
	log  *bufio.Scanner
}

// newSleeper starts the agent, of which clock says how far its wall clock is
// ahead; "" is the real program.
func newSleeper(t *testing.T, s *sink, clock string) *sleeper {
	t.Helper()
	// The path of the agent's socket has a limit.
	home, err := os.MkdirTemp("", "asleep-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	dir := filepath.Join(home, ".config/mailcrane")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("[account.work]\nfrom = [\"me@x.org\"]\nsmarthost = \"smtp+insecure://%s\"\n", s.listener.Addr())
	if err := os.WriteFile(filepath.Join(dir, "mailcrane.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	z := &sleeper{t: t, home: home, cmd: exec.Command(filepath.Join(bin, "mailcrane"), "agent")}
	if clock != "" {
		z.setClock(clock)
		z.cmd = exec.Command(os.Args[0], "-test.run=^TestAnAgentThatSlept$")
		z.cmd.Env = []string{sleepChild + "=" + filepath.Join(home, "clock")}
	}
	z.cmd.Env = append(z.cmd.Env, "HOME="+home, "PATH=/usr/bin:/bin")
	out, err := z.cmd.StderrPipe()
	if err == nil {
		err = z.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		z.signal(syscall.SIGTERM)
		_, _ = io.Copy(io.Discard, out)
		if err := z.cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	z.log = bufio.NewScanner(out)
	z.await("agent is up")
	return z
}

func (z *sleeper) signal(s os.Signal) {
	if err := z.cmd.Process.Signal(s); err != nil {
		z.t.Error(err)
	}
}

// await reads the agent's log up to a line with a word in it, and returns what
// it has read.
func (z *sleeper) await(word string) (said string) {
	z.t.Helper()
	for z.log.Scan() {
		z.t.Log(z.log.Text())
		said += z.log.Text() + "\n"
		if strings.Contains(z.log.Text(), word) {
			return said
		}
	}
	z.t.Fatalf("the agent has not said %q, but:\n%s", word, said)
	return said
}

// setClock has the agent's wall clock run ahead of this machine's.
func (z *sleeper) setClock(by string) {
	z.t.Helper()
	tmp := filepath.Join(z.home, "clock.new")
	err := os.WriteFile(tmp, []byte(by), 0o600)
	if err == nil {
		err = os.Rename(tmp, filepath.Join(z.home, "clock"))
	}
	if err != nil {
		z.t.Fatal(err)
	}
}

// submit hands a message to sendmail.
func (z *sleeper) submit(to string, octets int) {
	z.t.Helper()
	cmd := exec.Command(filepath.Join(bin, "sendmail"), "-oi", "-f", "me@x.org", to)
	cmd.Env = []string{"HOME=" + z.home, "PATH=/usr/bin:/bin"}
	cmd.Stdin = strings.NewReader("Subject: a night\n\n" + strings.Repeat("All work and no play.\n", octets/22))
	if out, err := cmd.CombinedOutput(); err != nil {
		z.t.Fatalf("sendmail: %v\n%s", err, out)
	}
}

// Coverage: sleep.
func TestAnAgentThatSlept(t *testing.T) {
	if clock := os.Getenv(sleepChild); clock != "" {
		beAgent(t, clock)
		return
	}
	for _, c := range []struct {
		reason, halts string
		unsure        bool
	}{
		{"in the middle of a message", "middle", false},
		{"with all sent, and no answer yet", "end", true},
		{"with nothing on the wire", "", false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			s := newSink(t, c.halts)
			z := newSleeper(t, s, "0s")
			z.submit("later@x.org", 100)
			z.await("message deferred")
			want := map[string]int{"later@x.org": 1}
			if c.halts != "" {
				z.submit("hangs@x.org", 4<<20)
				<-s.halted
				want["hangs@x.org"] = 1
			}
			if c.unsure {
				want["hangs@x.org"] = 2
			}

			z.signal(syscall.SIGSTOP)
			z.setClock("8h")
			close(s.gone)
			began := time.Now()
			z.signal(syscall.SIGCONT)

			got := map[string]int{}
			for range want["hangs@x.org"] + want["later@x.org"] {
				got[<-s.taken]++
			}
			took := time.Since(began)
			if !maps.Equal(got, want) {
				t.Errorf("the server took %v, want %v", got, want)
			}
			t.Logf("all sent %v after the wake", took)
			if took > 2*time.Second {
				t.Errorf("all sent only %v after the wake", took)
			}
			z.signal(syscall.SIGTERM)
			rest, woke, unsure := "", false, false
			for z.log.Scan() {
				line := z.log.Text()
				rest += line + "\n"
				woke = woke || strings.Contains(line, "the clock was put forward by 8 h")
				unsure = unsure || strings.Contains(line, "message uncertain")
			}
			if !woke || unsure != c.unsure {
				t.Errorf("told of the wake: %v; told that a message may come twice: %v, want %v; the agent said:\n%s", woke, unsure, c.unsure, rest)
			}
			select {
			case to := <-s.taken:
				t.Errorf("another copy for %s", to)
			default:
			}
			if left, err := filepath.Glob(filepath.Join(z.home, ".local/state/mailcrane/spool/queue/*")); err != nil || len(left) != 0 {
				t.Errorf("left in the queue: %v, %v", left, err)
			}
		})
	}
}

// beAgent is the agent, with a wall clock of its own.
func beAgent(t *testing.T, clock string) {
	ahead := func() time.Duration {
		text, err := os.ReadFile(clock)
		if err != nil {
			return 0
		}
		d, _ := time.ParseDuration(string(text))
		return d
	}
	a := &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, load: loadAverage,
		now: func() time.Time { return time.Now().Add(ahead()) },
	}
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	if err := a.agent(ctx, given{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		t.Fail()
	}
}
