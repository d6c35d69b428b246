//go:build linux

package listen

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	stranger = 65534 // nobody
	childEnv = "MAILCRANE_TEST_CONNECT_TO"
)

// TestMain lets the test binary be a client: it says what it is greeted with.
func TestMain(m *testing.M) {
	if address := os.Getenv(childEnv); address != "" {
		os.Exit(greetedBy(address))
	}
	os.Exit(m.Run())
}

func greetedBy(address string) int {
	network := "tcp"
	if filepath.IsAbs(address) {
		network = "unix"
	}
	c, err := net.Dial(network, address)
	if err != nil {
		fmt.Println(err)
		return 0
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	fmt.Print(line)
	if err != nil {
		return 1
	}
	return 0
}

// clientProgram is a copy of this test that every user can run.
func clientProgram(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(openDir(t), "client")
	copyFile(t, self, program)
	return program
}

// as runs a client as another user and returns what it was greeted with.
func as(t *testing.T, uid uint32, program, address string) string {
	t.Helper()
	cmd := exec.Command(program)
	// Under -race a program waits a second before it exits, unless told not to.
	cmd.Env = []string{childEnv + "=" + address, "GORACE=atexit_sleep_ms=0"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// openDir is a directory that every user can search and only we can write to.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "listen")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestUsersAreToldApart(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be another user")
	}
	program := clientProgram(t)
	for _, c := range []struct {
		name           string
		access         Access
		onUnix, onLoop string
	}{
		{"only us", Access{}, "permission denied", "554 5.7.1 This server takes mail from another user, not from uid 65534"},
		{"some other", Access{UIDs: []uint32{12345}}, "554 5.7.1", ""},
		{"this other", Access{UIDs: []uint32{stranger}}, "220", "220"},
		{"everyone", Access{Everyone: true}, "220", "220"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r recorder
			path := filepath.Join(openDir(t), "s")
			l, err := Listen(t.Context(), "unix:"+path, c.access)
			if err != nil {
				t.Fatal(err)
			}
			serve(t, l, r.submit, Options{Access: c.access})
			if got := as(t, stranger, program, path); !strings.Contains(got, c.onUnix) {
				t.Errorf("Unix socket: %q, want %q", got, c.onUnix)
			}
			if c.onLoop == "" {
				return
			}
			if got := as(t, stranger, program, onLoopback(t, r.submit, Options{Access: c.access})); !strings.HasPrefix(got, c.onLoop) {
				t.Errorf("loopback: %q, want %q", got, c.onLoop)
			}
		})
	}
}

// The mode of the socket is not what keeps others out.
func TestCredentialsAreCheckedWhateverTheModeOfTheSocket(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be another user")
	}
	program := clientProgram(t)
	path := filepath.Join(openDir(t), "s")
	l := listenAt(t, "unix:"+path)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	serve(t, l, new(recorder).submit, Options{})
	if got := as(t, stranger, program, path); !strings.HasPrefix(got, "554 5.7.1 This server takes mail from another user") {
		t.Errorf("%q", got)
	}
}

func TestTheOwnerOfALoopbackConnectionIsLookedUp(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("%s: %v", address, err)
			continue
		}
		defer l.Close()
		near, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer far.Close()
		peer, us := far.RemoteAddr().(*net.TCPAddr).AddrPort(), far.LocalAddr().(*net.TCPAddr).AddrPort()
		if uid, err := tcpOwner(peer, us); err != nil || int(uid) != os.Geteuid() {
			t.Errorf("%s: uid %d, %v", address, uid, err)
		}
		near.Close()
		if uid, err := tcpOwner(peer, us); err == nil {
			t.Errorf("%s: uid %d for a connection that was closed", address, uid)
		}
	}
}

func TestTheKernelsTableIsRead(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:09DD 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 1111 1 0
   1: 0100007F:C001 0100007F:09DD 01 00000000:00000000 00:00000000 00000000  1000        0 2222 1 0
   2: 0100007F:C002 0100007F:09DD 04 00000000:00000000 00:00000000 00000000     0        0 0 1 0
   3: 0100007F:C003 0100007F:09DD 01 00000000:00000000 00:00000000 00000000  -1        0 3333 1 0
   4: short
`
	for _, c := range []struct {
		why         string
		port        uint16
		uid         uint32
		found, fail bool
	}{
		{"the peer's line, not ours", 0xc001, 1000, true, false},
		{"a connection that its program has closed shows as root's", 0xc002, 0, false, true},
		{"a uid that is none", 0xc003, 0, false, true},
		{"not there", 0xc004, 0, false, false},
	} {
		loop := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		uid, found, err := findOwner(strings.NewReader(table), kernelForm(netip.AddrPortFrom(loop, c.port)), kernelForm(netip.AddrPortFrom(loop, 0x9dd)))
		if uid != c.uid || found != c.found || (err != nil) != c.fail {
			t.Errorf("%s: %d, %v, %v", c.why, uid, found, err)
		}
	}
}

func TestASocketGetsItsModeWhateverTheUmask(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o777} {
		for _, c := range []struct {
			access Access
			want   os.FileMode
		}{{Access{}, 0o600}, {Access{Everyone: true}, 0o666}} {
			path := filepath.Join(t.TempDir(), "s")
			old := unix.Umask(umask)
			l, err := Listen(t.Context(), "unix:"+path, c.access)
			unix.Umask(old)
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != c.want {
				t.Errorf("umask %o: mode %v, %v, want %v", umask, info.Mode(), err, c.want)
			}
			l.Close()
		}
	}
}
