package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The terminal is real, and so are the agent and the message that goes by.
func TestAMessageIsSeenToComeAndGo(t *testing.T) {
	// The path of the agent's socket has a limit that TempDir may exceed.
	home, err := os.MkdirTemp("", "top-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	server, err := newDemoServer(home, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.close)
	if err := server.listen(); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(home, "mailcrane.toml")
	if err := os.WriteFile(config, []byte(server.account()), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"HOME=" + home, "PATH=" + bin + ":/usr/bin:/bin", "MAILCRANE_CONFIG=" + config, "TERM=xterm-256color"}
	mailcrane := func(input string, args ...string) {
		t.Helper()
		cmd := exec.Command(filepath.Join(bin, "mailcrane"), args...)
		cmd.Env, cmd.Stdin = env, strings.NewReader(input)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	const message = "From: you@demo.example\nTo: x@example.org\n\nx\n"

	cmd := exec.Command(filepath.Join(bin, "mailcrane"), "top")
	cmd.Env = env
	p := sitDown(t, cmd)
	p.awaits("the queue is empty")
	p.awaits("no agent runs")
	mailcrane(message, "sendmail", "-odq", "-f", "you@demo.example", "x@example.org")
	p.awaits("x@example.org")
	p.types("h")
	p.awaits("is held")
	p.types("d")
	p.awaits("undelivered and for good? y/n")
	p.types("n")
	p.awaits("it stays")
	p.types("u")
	p.awaits("is released")
	a, err := startAgent(env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.stop() })
	p.awaits("empty")
	p.types("q")
	p.ends()
	select {
	case <-server.got:
	case <-time.After(30 * time.Second):
		t.Error("it did not arrive")
	}
}
