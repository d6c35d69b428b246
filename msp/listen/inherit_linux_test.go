package listen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/socket"
	"mailcrane/internal/sysexits"
)

// TestHeir is, in a child, a server that has inherited its listeners.
func TestHeir(t *testing.T) {
	if address := os.Getenv("LISTEN_TEST_ADDRESS"); address != "" {
		os.Exit(heir(address))
	}
}

func heir(address string) int {
	// systemd names the process; the test that started this one could not.
	os.Setenv("LISTEN_PID", fmt.Sprint(os.Getpid()))
	in := socket.Inherit()
	l, inherited, err := TakeOver(context.Background(), in, address, Access{})
	if err != nil {
		return sysexits.Code(err)
	}
	fmt.Println("inherited:", inherited, "unclaimed:", in.Close(), "in the environment:", os.Getenv("LISTEN_FDS"))
	s := New(nil, Options{})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	s.limits.Left = stop
	if err := s.Serve(ctx, l); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func TestAnInheritedListenerIsServedAndStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	unix, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		reason, address, network, dial, says string
	}{
		{"a socket", "unix:" + path, "unix", path, "inherited: true unclaimed: [" + tcp.Addr().String() + "] in the environment: \n"},
		{"a port", tcp.Addr().String(), "tcp", tcp.Addr().String(), "inherited: true unclaimed: [" + path + "] in the environment: \n"},
		{"a socket by another name", "unix:" + filepath.Dir(path) + "/./s", "unix", path, "inherited: true"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			var files []*os.File
			for _, l := range []net.Listener{unix, tcp} {
				f, err := l.(interface{ File() (*os.File, error) }).File()
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				files = append(files, f)
			}
			// The client is there before the server, as with socket activation.
			c, err := net.Dial(test.network, test.dial)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			cmd := exec.Command(os.Args[0], "-test.run=^TestHeir$")
			cmd.ExtraFiles = files
			cmd.Env = append(os.Environ(), "LISTEN_TEST_ADDRESS="+test.address, "LISTEN_FDS=2")
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(stdout).ReadString('\n')
			if err != nil || !strings.HasPrefix(line, test.says) {
				t.Errorf("%q, %v; want %q", line, err, test.says)
			}
			if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.HasPrefix(line, "220 ") {
				t.Errorf("greeted with %q, %v", line, err)
			}
			c.Close()
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
			if again, err := net.Dial(test.network, test.dial); err != nil {
				t.Errorf("the listener went with its heir: %v", err)
			} else {
				again.Close()
				accepted, err := map[string]net.Listener{"unix": unix, "tcp": tcp}[test.network].Accept()
				if err != nil {
					t.Fatal(err)
				}
				accepted.Close()
			}
		})
	}
}

func TestWhatIsNotInheritedIsOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, inherited, err := TakeOver(t.Context(), &socket.Inheritance{}, "unix:"+path, Access{})
	if err != nil || inherited {
		t.Fatalf("inherited %v, %v", inherited, err)
	}
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
