//go:build unix

package mta

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailcrane/internal/socket"
	"mailcrane/internal/sysexits"
)

// TestABecomer is, in a child, a server that opens a port of root's and becomes
// another user.
func TestABecomer(t *testing.T) {
	name := os.Getenv("MTA_TEST_BECOME")
	if name == "" {
		t.Skip("it is for a child of the test beside it")
	}
	s := serverOf(t, "[[mta.listen]]\naddress = \"127.0.0.1:"+os.Getenv("MTA_TEST_PORT")+"\"\n")
	if err := s.Bind(t.Context(), &socket.Inheritance{}); err != nil {
		t.Fatal(err)
	}
	if err := Become(name); err != nil {
		t.Fatal(err)
	}
	groups, _ := os.Getgroups()
	fmt.Println("is", os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid(), groups, "listens", len(s.Addresses()), "root again:", syscall.Setuid(0) == nil)
	// Every thread of the process has changed, not only the one that asked.
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		text, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/status")
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "Uid:") {
				fmt.Println("thread", strings.Fields(line)[1:])
			}
		}
	}
}

// TestABecomerOfFiles is, in a child, a server whose files only root can read.
func TestABecomerOfFiles(t *testing.T) {
	dir := os.Getenv("MTA_TEST_FILES")
	if dir == "" {
		t.Skip("it is for a child of the test beside it")
	}
	s := serverOf(t, "dont_blame_sendmail = [\"TrustStickyBit\"]\nrun_as = \"nobody\"\n[mta.tls]\ncert = \""+dir+"/cert.pem\"\nkey = \""+dir+"/key.pem\"\n"+
		"[mta.tls.acme]\ndirectory = \"https://127.0.0.1:1/dir\"\nagree = true\nlisten = \"127.0.0.1:0\"\nstorage = \""+dir+"/"+os.Getenv("MTA_TEST_STORAGE")+"\"\n"+
		"[[mta.listen]]\naddress = \"127.0.0.1:0\"\n")
	s.Log = slog.New(slog.NewTextHandler(os.Stdout, nil))
	if err := s.Become(); err != nil {
		t.Fatal(err)
	}
}

// Root can read what the server cannot later on: the reload that would fail, or
// the certificate that would not be renewed, is months away.
func TestWhatTheUserOfRunAsCannotReadIsToldAtTheStart(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	cert, key, _ := certificateOf(t, "mx.example.org")
	dir := filepath.Dir(cert)
	if err := os.Chmod(cert, 0o644); err != nil {
		t.Fatal(err)
	}
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "old", "acme"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ reason, storage, want string }{
		{"a directory that is new becomes the user's", "new", ""},
		{"one of root's with files in it is told of", "old", "chown -R nobody " + dir + "/old"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=TestABecomerOfFiles", "-test.v")
			c.Env = append(os.Environ(), "MTA_TEST_FILES="+dir, "MTA_TEST_STORAGE="+test.storage)
			out, _ := c.CombinedOutput() // the child cannot clean up any more what it made as root
			text := string(out)
			if !strings.Contains(text, "chmod g+r "+key) || !strings.Contains(text, "GroupReadableKeyFile") || strings.Contains(text, "chmod g+r "+cert) {
				t.Errorf("it does not say how the key is mended: %s", text)
			}
			if strings.Contains(text, "chown -R") != (test.want != "") || !strings.Contains(text, test.want) {
				t.Errorf("want %q: %s", test.want, text)
			}
		})
	}
}

// Coverage: B65.
func TestAServerBecomesItsUserWhenItHasItsPorts(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("there is no user nobody here")
	}
	const privileged = 783 // nothing listens there
	if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", privileged)); err != nil {
		t.Skipf("port %d is taken: %v", privileged, err)
	} else {
		l.Close()
	}
	for _, name := range []string{"nobody", nobody.Uid, "nobody:" + nobody.Gid} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestABecomer$", "-test.v")
			cmd.Env = append(os.Environ(), "MTA_TEST_BECOME="+name, fmt.Sprintf("MTA_TEST_PORT=%d", privileged))
			out, err := cmd.CombinedOutput()
			want := fmt.Sprintf("is %[1]s %[1]s %[2]s %[2]s [%[2]s] listens 1 root again: false", nobody.Uid, nobody.Gid)
			if !strings.Contains(string(out), want) {
				t.Errorf("%v, want %q in\n%s", err, want, out)
			}
			thread := fmt.Sprintf("thread [%[1]s %[1]s %[1]s %[1]s]", nobody.Uid)
			if n := strings.Count(string(out), "thread ["); n == 0 || n != strings.Count(string(out), thread) {
				t.Errorf("not all threads are %q in\n%s", thread, out)
			}
		})
	}
}

func TestAUserThatCannotBeBecomeIsAnErrorWithAHint(t *testing.T) {
	for _, test := range []struct {
		reason, name string
		code         int
	}{
		{"no such user", "nobody-of-that-name", sysexits.Config},
		{"no such group", fmt.Sprintf("%d:no-such-group", os.Getuid()), sysexits.Config},
	} {
		t.Run(test.reason, func(t *testing.T) {
			err := Become(test.name)
			if sysexits.Code(err) != test.code || sysexits.Hint(err) == "" {
				t.Errorf("the error is %v, hint %q", err, sysexits.Hint(err))
			}
		})
	}
	if err := Become(""); err != nil {
		t.Errorf("no user set: %v", err)
	}
	if os.Getuid() != 0 { // or this process would be nobody from here on
		if err := Become("nobody"); sysexits.Code(err) != sysexits.NoPerm {
			t.Errorf("not root: %v", err)
		}
	}
}
