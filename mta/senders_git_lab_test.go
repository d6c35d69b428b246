//go:build linux

package mta

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// git send-email is how patches travel: those that it sends in one go are each
// kept once, as they are.
//
// Coverage: A33.
func TestGitSendEmailSendsPatchesThroughTheServer(t *testing.T) {
	git := lab.Client(t, "git")
	lab.Client(t, "git-send-email")
	if err := exec.CommandContext(t.Context(), lab.Client(t, "perl"), "-MAuthen::SASL", "-e", "1").Run(); err != nil {
		lab.Missing(t, "Authen::SASL, which git logs in by", "internal/lab/lab.sh install clients")
	}
	for _, test := range []struct{ reason, listener, encryption, settings, credentials string }{
		{"STARTTLS and a password that is set", "", "tls", "smtpPass = secret\n", ""},
		{"TLS at once and a credential helper", "tls = \"implicit\"\n", "ssl", "[credential]\nhelper = store\n", "smtp://fred:secret@localhost%3aPORT\n"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			text := users(t)
			r := run(t, text, "auth = \"required\"\n"+test.listener)
			_, port, _ := net.SplitHostPort(r.address)
			home := t.TempDir()
			env := []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C.UTF-8"}
			write := func(name, text string) string {
				t.Helper()
				path := filepath.Join(home, name)
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			write(".gitconfig", "[user]\nname = Me\nemail = me@example.net\n[sendemail]\nsmtpServer = localhost\nsmtpServerPort = "+port+
				"\nsmtpEncryption = "+test.encryption+"\nsmtpSSLCertPath = "+write("ca.pem", authorityOf(t, text))+
				"\nsmtpUser = fred\nsmtpDomain = sender.test\nconfirm = never\nsuppressCc = all\n"+test.settings)
			write(".git-credentials", strings.ReplaceAll(test.credentials, "PORT", port))
			patches := patchesIn(t, git, env, home)
			mustRun(t, "", env, git, append([]string{"-C", home, "send-email", "--to=you@example.org", "--transfer-encoding=8bit"}, patches...)...)
			wantPatches(t, r, patches)
		})
	}
}

// patchesIn are the files of two patches of a new repository, with lines that are
// spoiled easily.
func patchesIn(t *testing.T, git string, env []string, home string) []string {
	t.Helper()
	call := func(args ...string) {
		t.Helper()
		mustRun(t, "", env, git, append([]string{"-C", home}, args...)...)
	}
	call("init", "-q")
	for _, commit := range []struct{ name, message string }{
		{"first", "Gr\u00fc\u00dfe\n\n.\n..\n.one\n"},
		{"second", "From me\n\nFrom you\n>From him\n"},
	} {
		content := ".\nblank at the end \t\nGr\u00fc\u00dfe\n\n\n" + strings.Repeat("x", 990) + "\nno end of line"
		if err := os.WriteFile(filepath.Join(home, commit.name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		call("add", commit.name)
		call("commit", "-q", "--cleanup=verbatim", "-m", commit.message)
	}
	call("format-patch", "-q", "--root", "-o", filepath.Join(home, "out"), "HEAD")
	patches, err := filepath.Glob(filepath.Join(home, "out/*.patch"))
	if err != nil || len(patches) != 2 {
		t.Fatalf("the patches are %q, %v", patches, err)
	}
	return patches
}

// wantPatches wants the server to have kept each patch once, as it is in its file.
func wantPatches(t *testing.T, r *running, patches []string) {
	t.Helper()
	lost := make(map[string]string) // their files, by their bodies
	for _, path := range patches {
		patch, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(string(patch), "\n\n")
		lost[strings.ReplaceAll(body, "\n", "\r\n")] = path
	}
	entries, texts := r.kept()
	for i, text := range texts {
		body := bodyOf(t, text)
		if lost[body] == "" {
			t.Errorf("kept twice, or no patch: %q", body)
		}
		delete(lost, body)
		if e := entries[i].Envelope; e.From != "me@example.net" || len(e.To) != 1 || e.To[0].Address != "you@example.org" {
			t.Errorf("the envelope is %+v", e)
		}
		if !strings.Contains(text, " with ESMTPSA id ") {
			t.Errorf("it does not tell of TLS and the log-in:\n%s", text)
		}
	}
	for body, path := range lost {
		t.Errorf("lost is %s: %q", path, body)
	}
}
