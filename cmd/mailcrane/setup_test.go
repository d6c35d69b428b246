package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
)

// A beginner is a home without a keyring, in which setup is run by flags alone.
type beginner struct {
	t    *testing.T
	home string
	host lab.Smarthost
}

func newBeginner(t *testing.T) *beginner {
	t.Helper()
	return &beginner{t: t, home: t.TempDir(), host: lab.Postfix(t)}
}

func (d *beginner) file(name string) string { return filepath.Join(d.home, ".config/mailcrane", name) }

// text is that of a file beside the configuration, "" where there is none.
func (d *beginner) text(name string) string {
	d.t.Helper()
	text, err := os.ReadFile(d.file(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.t.Fatal(err)
	}
	return string(text)
}

func (d *beginner) has(text string) {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(d.file("x")), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(d.file("mailcrane.toml"), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *beginner) setup(password string, words ...string) (said string, code int) {
	d.t.Helper()
	cmd := exec.Command(filepath.Join(bin, "mailcrane"), append([]string{"setup", "--no-service", "--no-link"}, words...)...)
	cmd.Env = []string{"HOME=" + d.home, "PATH=" + bin + ":" + os.Getenv("PATH"), "SSL_CERT_FILE=" + d.host.CAFile}
	cmd.Stdin = strings.NewReader(password + "\n")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		d.t.Fatal(err)
	}
	if strings.Contains(out.String(), d.host.Password) {
		d.t.Errorf("the password is shown: %s", &out)
	}
	return out.String(), code
}

func TestSetupByFlags(t *testing.T) {
	t.Parallel()
	d := newBeginner(t)
	_, good, _ := strings.Cut(d.host.Implicit, ":")
	_, wrongName, _ := strings.Cut(d.host.WrongName, ":")
	right := []string{"--yes", "--smarthost", "smtps://localhost:" + good, "--user", d.host.User, "--password-file", "-", "--secret", "file", "me@example.org"}
	with := func(change ...string) []string {
		words := append([]string{}, right...)
		for i := 0; i < len(change); i += 2 {
			for j := range words {
				if words[j] == change[i] {
					words[j] = change[i+1]
				}
			}
		}
		return words
	}
	for _, c := range []struct {
		name, why string
		password  string
		words     []string
		code      int
		says      string
		written   bool
	}{
		{"all is right", "", d.host.Password, right, sysexits.OK, "was taken by the server: 250", true},
		{"wrong password", "nothing is kept that does not work", "wrong", right, sysexits.NoPerm, "nothing was written", false},
		{"another's certificate", "no password is sent there, and no network mends it", d.host.Password, with("smtps://localhost:"+good, "smtps://localhost:"+wrongName), sysexits.Unavailable, "certificate", false},
		{"no server", "mail is kept until there is one", d.host.Password, with("smtps://localhost:"+good, "smtps://192.0.2.1.invalid"), sysexits.OK, "config check --online", true},
		{"no keyring", "a password in a file is somebody's own decision", d.host.Password, with("file", "keyring"), sysexits.Usage, "--secret file", false},
		{"a secret that is nowhere", "the words are told", d.host.Password, with("file", "cloud"), sysexits.Usage, "command:LINE", false},
		{"a server that is none", "the form is told", d.host.Password, with("smtps://localhost:"+good, "localhost"), sysexits.Usage, "smtps://HOST", false},
		{"an address that is none", "", d.host.Password, with("me@example.org", "me"), sysexits.Usage, "me@example.org", false},
		{"nobody to ask", "what is missing is said at once", d.host.Password, with("--yes", "--no-test"), sysexits.Usage, "--yes", false},
		{"dry run", "it is shown and not written", d.host.Password, append(with(), "--dry-run"), sysexits.OK, "+[account.example]", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := &beginner{t: t, home: t.TempDir(), host: d.host}
			said, code := d.setup(c.password, c.words...)
			if code != c.code || !strings.Contains(said, c.says) {
				t.Errorf("%s: exit code %d, want %d and %q\n%s", c.why, code, c.code, c.says, said)
			}
			if written := d.text("mailcrane.toml") != ""; written != c.written {
				t.Errorf("%s: written: %v", c.why, written)
			}
			if kept := d.text("example.password"); (kept != "") != c.written {
				t.Errorf("%s: password kept: %v", c.why, kept != "")
			}
		})
	}
}

func TestSetupGoesOnWhereARunWasBrokenOff(t *testing.T) {
	t.Parallel()
	d := newBeginner(t)
	words := []string{"--yes", "--smarthost", "smtps://" + strings.Replace(d.host.Implicit, "127.0.0.1", "localhost", 1), "--user", d.host.User, "--secret", "file", "--no-test", "me@example.org"}
	if said, code := d.setup(d.host.Password, append(words, "--password-file", "-")...); code != 0 {
		t.Fatal(said)
	}
	for name, lost := range map[string]string{"after the password was kept": "mailcrane.toml", "after all of it": ""} {
		before := d.text("mailcrane.toml")
		if lost != "" {
			if err := os.Remove(d.file(lost)); err != nil {
				t.Fatal(err)
			}
		}
		if said, code := d.setup("", words...); code != 0 {
			t.Errorf("%s: it asks again: %s", name, said)
		}
		if after := d.text("mailcrane.toml"); after != before {
			t.Errorf("%s: %q became %q", name, before, after)
		}
	}
}

func TestSetupKeepsWhatStandsInTheConfiguration(t *testing.T) {
	t.Parallel()
	d := newBeginner(t)
	const old = "# mine\n[queue]\nundo = \"20s\"   # time to think\n\n[account.work]\nfrom = [\"w@example.net\"] # of the firm\nsmarthost = \"smtps://smtp.example.net\"\nuser = \"w\"\n"
	d.has(old)
	words := []string{"--yes", "--smarthost", "smtps://" + strings.Replace(d.host.Implicit, "127.0.0.1", "localhost", 1), "--user", d.host.User, "--secret", "file", "--no-test", "--password-file", "-"}
	if said, code := d.setup(d.host.Password, append(words, "me@example.org")...); code != 0 {
		t.Fatal(said)
	}
	text := d.text("mailcrane.toml")
	for line := range strings.Lines(old) {
		if !strings.Contains(text, line) {
			t.Errorf("%q is gone", line)
		}
	}
	if !strings.Contains(text, `default_account = "work"`) || !strings.Contains(text, "[account.example]") {
		t.Errorf("%s", text)
	}
	said, code := d.setup(d.host.Password, append(words, "w@example.net")...)
	if code != 0 || !strings.Contains(said, "This changes account work") || !strings.Contains(said, `-smarthost = "smtps://smtp.example.net"`) {
		t.Errorf("%d: %s", code, said)
	}
	if text = d.text("mailcrane.toml"); !strings.Contains(text, "# of the firm\nsmarthost = \"smtps://localhost:") || strings.Count(text, "[account.") != 2 {
		t.Errorf("%s", text)
	}
}
