package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestMain lets the test binary be the shim, in a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("BE_THE_SHIM") != "" {
		main()
	}
	os.Exit(m.Run())
}

// home is a home directory with one account.
func home(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, ".config/mailcrane/mailcrane.toml")
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	const account = "[account.work]\nfrom = [\"me@example.org\"]\nsmarthost = \"smtps://smtp.example.org\"\nauth = \"none\"\n"
	if err := os.WriteFile(config, []byte(account), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func shim(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(own, args...)
	cmd.Env = slices.Concat(env, []string{"BE_THE_SHIM=1"})
	cmd.Stdin = strings.NewReader("Subject: x\n\nbody\n")
	return cmd
}

// queued counts the messages below a home directory.
func queued(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(filepath.Join(dir, ".local"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		text, err := os.ReadFile(path)
		if bytes.HasSuffix(text, []byte("\nbody\n")) {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCallerThatDoesNotListenGetsItsMailSentAndItsExitCode(t *testing.T) {
	for _, c := range []struct {
		reason, args string
		code, queued int
		letter       bool
	}{
		{"a warning before the message", "-OFoo=1 a@x.org", 0, 1, false},
		{"a failure after it", "no-such-user a@x.org", 67, 1, true},
		{"nothing but failures", "no-such-user", 67, 0, true},
	} {
		t.Run(c.reason, func(t *testing.T) {
			dir := home(t)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			cmd := shim(t, []string{"HOME=" + dir}, strings.Fields(c.args)...)
			cmd.Stdout, cmd.Stderr = w, w
			_ = cmd.Run()
			w.Close()
			if code := cmd.ProcessState.ExitCode(); code != c.code || queued(t, dir) != c.queued {
				t.Errorf("%v, %d queued", cmd.ProcessState, queued(t, dir))
			}
			text, _ := os.ReadFile(filepath.Join(dir, "dead.letter"))
			if strings.Contains(string(text), "\nbody\n") != c.letter {
				t.Errorf("dead.letter holds %q", text)
			}
		})
	}
}

// A system service has no HOME. The spool of -oQ keeps the test out of the
// tester's own.
func TestMailOfAServiceWithoutHomeIsTaken(t *testing.T) {
	dir := home(t)
	spool := filepath.Join(dir, ".local/spool")
	cmd := shim(t, nil, "-C", filepath.Join(dir, ".config/mailcrane/mailcrane.toml"), "-oQ"+spool, "a@x.org")
	if text, _ := os.ReadFile("/etc/passwd"); !strings.Contains(string(text), ":"+strconv.Itoa(os.Getuid())+":") {
		t.Skip("the password file does not name this user")
	}
	if out, err := cmd.CombinedOutput(); err != nil || queued(t, dir) != 1 {
		t.Errorf("%v: %s", err, out)
	}
}
