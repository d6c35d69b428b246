package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// A smarthostCase is a way to a real mail server.
type smarthostCase struct {
	name  string
	start func(testing.TB) lab.Smarthost
	url   func(lab.Smarthost) string
	// blank: behind a header without a body it writes the blank line all the
	// same.
	blank bool
}

func smarthostCases() []smarthostCase {
	return []smarthostCase{
		{"Postfix, TLS at once", lab.Postfix, lab.Smarthost.ImplicitURL, false},
		{"Postfix, STARTTLS", lab.Postfix, lab.Smarthost.StartTLSURL, false},
		{"Exim, TLS at once", lab.Exim, lab.Smarthost.ImplicitURL, true},
		{"Exim, STARTTLS", lab.Exim, lab.Smarthost.StartTLSURL, true},
	}
}

// A home is a person's home directory with one account, and the programs in
// its PATH.
type home struct {
	t    *testing.T
	dir  string
	me   string // the person's own address
	host lab.Smarthost
	box  *lab.Mailbox
}

// newHome has an account at the server; top is put at the top of its
// configuration. Nothing in that stands on HOME, which s-nail and cron set
// again to what the password file says.
func newHome(t *testing.T, c smarthostCase, top string) *home {
	t.Helper()
	host := c.start(t)
	h := &home{t: t, dir: t.TempDir(), host: host, box: host.Mailbox(t)}
	h.me = h.box.Address("me")
	password := h.write("password", host.Password+"\n")
	h.write("mailcrane.toml", top+fmt.Sprintf(
		"[queue]\ndirectory = %q\n[account.lab]\nfrom = [%q, \"*@example.test\"]\nsmarthost = %q\nuser = %q\nsecret = \"file:%s\"\ntls = { ca = %q }\n",
		filepath.Join(h.dir, "spool"), h.me, c.url(host), host.User, password, host.CAFile))
	return h
}

// write makes a file in the home, and returns its path.
func (h *home) write(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// env is the environment of the home's programs.
func (h *home) env() []string {
	return []string{
		"HOME=" + h.dir, "MAILCRANE_CONFIG=" + filepath.Join(h.dir, "mailcrane.toml"), "PATH=" + bin + ":" + os.Getenv("PATH"), "LOGNAME=root", "USER=root", "EMAIL=" + h.me,
		"LC_ALL=C.UTF-8", "TERM=dumb", "TMPDIR=" + h.dir,
	}
}

// run runs a program in the home and returns what it printed; it must exit
// with 0.
func (h *home) run(stdin io.Reader, name string, args ...string) string {
	h.t.Helper()
	cmd := exec.Command(name, args...)
	if !strings.Contains(name, "/") {
		cmd.Path, cmd.Err = filepath.Join(bin, name), nil
	}
	cmd.Dir, cmd.Env, cmd.Stdin = h.dir, h.env(), stdin
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		h.t.Fatalf("%s: %v\n%s%s", cmd, err, &stdout, &stderr)
	}
	return stdout.String() + stderr.String()
}

// flush sends what is queued: all of it must go.
func (h *home) flush() {
	h.t.Helper()
	if said := h.run(nil, "mailcrane", "flush"); !strings.Contains(said, "delivered") || strings.Contains(said, "failed") {
		h.t.Errorf("flush says: %s", said)
	}
}
