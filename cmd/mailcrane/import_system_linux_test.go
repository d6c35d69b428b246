package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// oldRoot is the root directory of a machine on which nullmailer has mail.
func oldRoot(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"etc/nullmailer/me":                   "box.example.org\n",
		"etc/nullmailer/remotes":              "smtp.example.org smtp --port=465 --tls --user=box --pass=planted-secret\n",
		"var/spool/nullmailer/queue/1795.100": "me@box.example.org\nann@example.test\n\nSubject: waiting\n\nhello\n",
	} {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

// ownersOf are the uid and the mode of each file below dir, as text.
func ownersOf(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	must(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			all = append(all, fmt.Sprintf("%d %s %s", info.Sys().(*syscall.Stat_t).Uid, info.Mode(), path))
		}
		return err
	}))
	return all
}

// Root alone reads the old queue, and nothing in the machine's spool may become
// root's: its agent could not send it.
func TestImportIntoTheMachinesSpoolLeavesNothingOfRootThere(t *testing.T) {
	t.Parallel()
	s := newShared(t, "")
	root := oldRoot(t)
	code, said := s.run(0, "", "mailcrane", "import", "--root", root, "--from", "nullmailer", "--queue-only", "--system", "--yes")
	if code != 0 || !strings.Contains(said, "  held, from /var/spool/nullmailer/queue/1795.100") {
		t.Fatalf("exit %d: %s", code, said)
	}
	for _, file := range ownersOf(t, s.spool) {
		if !strings.HasPrefix(file, fmt.Sprint(keeper, " ")) {
			t.Errorf("not the agent's: %s", file)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "mailcrane-import-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if code, said := s.run(alice, "", "mailcrane", "import", "--root", root, "--from", "nullmailer", "--queue-only", "--yes"); code != 0 && code != 77 && code != 66 {
		t.Errorf("another user: exit %d: %s", code, said)
	}
	s.start()
	if code, said = s.run(0, "", "mailcrane", "queue", "list"); code != 0 || !strings.Contains(said, "ann@example.test") {
		t.Errorf("exit %d: %s", code, said)
	}
}

// What import --system writes is the configuration of one agent for all users:
// they can read it, and the agent alone the password.
func TestImportForTheMachineLetsItsUsersAndItsAgentIn(t *testing.T) {
	t.Parallel()
	s := newShared(t, "")
	users := filepath.Join(s.dir, "passwd")
	must(t, os.WriteFile(users, fmt.Appendf(nil, "root:x:0:0::/root:/bin/sh\nmailcrane:x:%d:%d::/:/bin/false\n", keeper, keeper), 0o644))
	etc := filepath.Join(s.dir, "etc", "mailcrane.toml")
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-ec",
		`mount --bind "$1" /etc/passwd; shift; exec "$@"`, "sh", users, filepath.Join(bin, "mailcrane"),
		"import", "--config", etc, "--root", oldRoot(t), "--from", "nullmailer", "--settings-only", "--system", "--address", "me@example.org", "--yes")
	cmd.Env = []string{"HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	said, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(said), "planted-secret") {
		t.Fatalf("%v: %s", err, said)
	}
	text, err := os.ReadFile(etc)
	must(t, err)
	for _, want := range []string{"admin = \"me@example.org\"\n", "[system]\nsocket = ", "[queue]\ndirectory = \"/var/spool/mailcrane/queue\"\n", "secret = \"file:"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s:\n%s", want, text)
		}
	}
	want := []string{
		"0 drwxr-xr-x " + filepath.Dir(etc), "0 -rw-r--r-- " + etc,
		fmt.Sprintf("%d -rw------- %s", keeper, filepath.Join(filepath.Dir(etc), "smtp.example.org.password")),
	}
	if got := ownersOf(t, filepath.Dir(etc)); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
