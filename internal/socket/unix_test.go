//go:build unix

package socket

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofrs/flock"

	"mailcrane/internal/sysexits"
)

func TestAnOldSocketIsRemovedOnlyIfNobodyAnswers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	other, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := Unix(t.Context(), path, false); sysexits.Code(err) != sysexits.Unavailable {
		t.Fatalf("%v, %v while another program answers", l, err)
	}
	if c, err := net.Dial("unix", path); err != nil {
		t.Fatalf("the other program's socket is gone: %v", err)
	} else {
		c.Close()
	}
	other.(*net.UnixListener).SetUnlinkOnClose(false)
	other.Close() // as after kill -9
	l, err := Unix(t.Context(), path, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Unix(t.Context(), path, false); sysexits.Code(err) != sysexits.Unavailable {
		t.Errorf("a second server: %v", err)
	}
	l.Close()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
	l, err = Unix(t.Context(), path, false)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// Two servers that start at once could each take the other's new socket for
// an old one: the lock lets one of them look.
func TestASocketWhoseLockIsHeldIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	lock := flock.New(path + ".lock")
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	if _, err := Unix(t.Context(), path, false); sysexits.Code(err) != sysexits.Unavailable {
		t.Errorf("got %v, want that it is taken", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	l, err := Unix(t.Context(), path, false)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestNothingButASocketIsRemoved(t *testing.T) {
	for _, c := range []struct {
		name string
		put  func(path string) error
	}{
		{"a file", func(p string) error { return os.WriteFile(p, []byte("x"), 0o600) }},
		{"a directory", func(p string) error { return os.Mkdir(p, 0o700) }},
		{"a link to a file", func(p string) error { return os.Symlink("/etc/hostname", p) }},
		{"a link to nothing", func(p string) error { return os.Symlink("nothing", p) }},
		{"a link to an old socket", func(p string) error {
			l, err := net.Listen("unix", p+"2")
			if err != nil {
				return err
			}
			l.(*net.UnixListener).SetUnlinkOnClose(false)
			l.Close()
			return os.Symlink(p+"2", p)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			if err := c.put(path); err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Unix(t.Context(), path, false); sysexits.Code(err) != sysexits.CantCreat || sysexits.Hint(err) == "" {
				t.Errorf("got %v, want a refusal with a hint", err)
			}
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("it was touched: %v", err)
			}
		})
	}
}

func TestADirectoryThatOthersWriteToIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o777, 0o770 | os.ModeSticky, 0o777 | os.ModeSticky, 0o720} {
		dir := filepath.Join(t.TempDir(), "d")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if l, err := Unix(t.Context(), dir+"/s", false); sysexits.Code(err) != sysexits.NoPerm || sysexits.Hint(err) == "" {
			t.Errorf("mode %v: %v, %v", mode, l, err)
		}
	}
}

func TestAMissingDirectoryIsMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	l, err := Unix(t.Context(), dir+"/s", false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestASocketPathThatIsTooLongIsRefusedInWords(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("long/", 30)+"s")
	_, err := Unix(t.Context(), path, false)
	if sysexits.Code(err) != sysexits.Config || sysexits.Hint(err) == "" || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(filepath.Dir(path)); !os.IsNotExist(err) {
		t.Errorf("a directory was made for it: %v", err)
	}
}
