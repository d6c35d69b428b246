//go:build unix

package secret

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// refusal checks that err is one sentence and a hint with these words, and
// that the planted secret is in neither.
func refusal(t *testing.T, err error, sentence, hint string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	got, gotHint := err.Error(), sysexits.Hint(err)
	if !strings.Contains(got, sentence) || strings.Contains(got, "\n") {
		t.Errorf("the sentence is %q; want %q in it", got, sentence)
	}
	if !strings.Contains(gotHint, hint) || hint != "" && gotHint == "" {
		t.Errorf("the hint is %q; want %q in it", gotHint, hint)
	}
	if strings.Contains(got+gotHint, planted) {
		t.Errorf("the secret is shown: %q, %q", got, gotHint)
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFileSecret(t *testing.T) {
	long := strings.Repeat("x", most)
	for _, c := range []struct {
		why, text, want, sentence, hint string
		mode                            os.FileMode
	}{
		{why: "the file as an editor leaves it", text: planted + "\n", mode: 0o600, want: planted},
		{why: "a file without a line end", text: planted, mode: 0o600, want: planted},
		{why: "an editor of another system", text: planted + "\r\n", mode: 0o600, want: planted},
		{why: "a read-only file is as private", text: planted, mode: 0o400, want: planted},
		{why: "spaces belong to a password", text: " a b \n", mode: 0o600, want: " a b "},
		{why: "the longest that is read", text: long + "\n", mode: 0o600, want: long},
		{why: "one octet more", text: long + "x\n", mode: 0o600, sentence: "more than 65536 octets", hint: "alone on one line"},
		{why: "much more", text: long + long, mode: 0o600, sentence: "more than 65536 octets"},
		{why: "nothing there", text: "", mode: 0o600, sentence: "is empty", hint: "account work"},
		{why: "nothing but a line end", text: "\n", mode: 0o600, sentence: "is empty"},
		{why: "a line of notes after it", text: planted + "\nnote\n", mode: 0o600, sentence: "more than one line", hint: "alone on one line"},
		{why: "NUL cannot be sent", text: planted + "\x00", mode: 0o600, sentence: "NUL"},
		{why: "the group may read it", text: planted, mode: 0o640, sentence: "mode 0640", hint: "chmod 600 "},
		{why: "all may read it", text: planted, mode: 0o604, sentence: "mode 0604", hint: "chmod 600 "},
		{why: "the group may write it", text: planted, mode: 0o620, sentence: "mode 0620", hint: "chmod 600 "},
	} {
		t.Run(c.why, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), "my pass"), c.text, c.mode)
			got, err := file{"work", path}.Read(t.Context())
			if c.sentence != "" {
				refusal(t, err, c.sentence, c.hint)
				if c.hint == "chmod 600 " {
					refusal(t, err, path, "chmod 600 '"+path+"'")
				}
				return
			}
			if err != nil || string(got.Reveal()) != c.want {
				t.Errorf("got %q, %v", got.Reveal(), err)
			}
		})
	}
}

func TestFileSecretMustBeAPlainFile(t *testing.T) {
	dir := t.TempDir()
	target := write(t, filepath.Join(dir, "target"), planted, 0o600)
	link, fifo := filepath.Join(dir, "link"), filepath.Join(dir, "fifo")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ why, path, sentence, hint string }{
		{"a symbolic link may be turned to any file", link, "is a symbolic link", "file:" + target},
		{"a named pipe would be waited for", fifo, "is a named pipe", "plain file"},
		{"a directory", dir, "is a directory", "plain file"},
		{"a device", "/dev/null", "is a special file", "plain file"},
		{"no such file", filepath.Join(dir, "no"), "is not there", "umask 077"},
		{"no such directory", filepath.Join(dir, "no/no"), "is not there", "umask 077"},
		{"a file in place of a directory", filepath.Join(target, "x"), "not a directory", "ls -l"},
	} {
		t.Run(c.why, func(t *testing.T) {
			_, err := file{"work", c.path}.Read(t.Context())
			refusal(t, err, c.sentence, c.hint)
		})
	}
}

func TestFileSecretOfAnotherUserIsRefusedButToRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to give a file away")
	}
	path := write(t, filepath.Join(t.TempDir(), "pw"), planted, 0o600)
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	refusal(t, private(path, info, 12346), "another user (uid 12345)", "sudo chown 12346 "+path)
	// The service runs as 12345: with root's file it would lose its password.
	if got, err := (file{"work", path}).Read(t.Context()); err != nil || string(got.Reveal()) != planted {
		t.Errorf("root, who looks after the service of that user: %v", err)
	}
}

func TestCredentialSecret(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "good"), planted+"\n", 0o440)
	write(t, filepath.Join(dir, "long"), strings.Repeat("x", most+1), 0o400)
	if err := os.Symlink("good", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ why, dir, name, sentence, hint string }{
		{"systemd may show its access list as a group permission", dir, "good", "", ""},
		{"not started by systemd", "", "good", "started without credentials", "LoadCredential=good:"},
		{"not in the unit", dir, "absent", "was not handed to this service", "LoadCredential=absent:"},
		{"the bound of every source", dir, "long", "more than 65536", "alone on one line"},
		{"systemd makes no links", dir, "link", "symbolic link", "LoadCredential"},
		{"a directory of credentials", dir, "dir", "is a directory", "plain file"},
	} {
		t.Run(c.why, func(t *testing.T) {
			a := &config.Account{Name: "work", Secret: config.Secret{Kind: "credential", Value: c.name}}
			getenv := func(name string) string { return map[string]string{"CREDENTIALS_DIRECTORY": c.dir}[name] }
			got, err := New(a, getenv).Read(t.Context())
			if c.sentence != "" {
				refusal(t, err, c.sentence, c.hint)
			} else if err != nil || !bytes.Equal(got.Reveal(), []byte(planted)) {
				t.Errorf("got %q, %v", got.Reveal(), err)
			}
		})
	}
}
