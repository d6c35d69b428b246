//go:build unix

package safefile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailcrane/internal/config"
)

// tree makes files (a text), directories ("/") and links ("-> target") below dir.
func tree(t *testing.T, dir string, entries ...[2]string) {
	t.Helper()
	for _, e := range entries {
		path := filepath.Join(dir, e[0])
		var err error
		if target, link := strings.CutPrefix(e[1], "-> "); link {
			err = os.Symlink(strings.ReplaceAll(target, "DIR", dir), path)
		} else if e[1] == "/" {
			err = os.Mkdir(path, 0o755)
		} else if err = os.WriteFile(path, []byte(e[1]), 0o644); err == nil {
			err = os.Chmod(path, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPathIsWalkedAsTheSystemWould(t *testing.T) {
	dir := safeDir(t)
	tree(
		t, dir, [2]string{"a", "/"}, [2]string{"a/b", "/"}, [2]string{"a/b/f", "text"}, [2]string{"g", "other"},
		[2]string{"to-a", "-> a"}, [2]string{"absolute", "-> DIR/a/b/f"}, [2]string{"a/b/up", "-> ../../g"},
		[2]string{"chain", "-> to-a/b/up"}, [2]string{"loop", "-> loop"}, [2]string{"loop1", "-> loop2"}, [2]string{"loop2", "-> loop1"},
		[2]string{"dangling", "-> nowhere/f"}, [2]string{"here", "-> ."}, [2]string{"root", "-> /"},
	)
	for _, c := range []struct {
		why, path, want string
		err             error
	}{
		{"a file", "a/b/f", "text", nil},
		{"a link to a directory on the way", "to-a/b/f", "text", nil},
		{"a link to the file", "absolute", "text", nil},
		{"a link upwards", "a/b/up", "other", nil},
		{"a link to a link", "chain", "other", nil},
		{"dots", "./a/../a/b/./f", "text", nil},
		{"a link to its own directory", "here/here/a/b/f", "text", nil},
		{"a link to itself", "loop", "", unix.ELOOP},
		{"two links to each other", "loop1/f", "", unix.ELOOP},
		{"a link to nothing", "dangling", "", fs.ErrNotExist},
		{"no file", "a/none", "", fs.ErrNotExist},
		{"a file as a directory", "g/f", "", unix.ENOTDIR},
		{"a link to the root, where a file is wanted", "root", "", unix.EISDIR},
		{"a path without end", strings.Repeat("a/../", 1000), "", unix.ENAMETOOLONG},
	} {
		f, err := Rules{}.Open(Map, dir+"/"+c.path)
		if len(c.path) > 1000 {
			f, err = Rules{}.open(Map, "/"+strings.Repeat("x", maxPath), unix.O_RDONLY, 0)
		}
		if c.err != nil || err != nil {
			if !errors.Is(err, c.err) || err == nil {
				t.Errorf("%s: %v, want %v", c.why, err, c.err)
			}
			continue
		}
		got, err := io.ReadAll(f)
		f.Close()
		if string(got) != c.want || err != nil {
			t.Errorf("%s: %q, %v", c.why, got, err)
		}
	}
}

func TestWhatIsNoFileIsRefusedAndDoesNotBlock(t *testing.T) {
	dir := safeDir(t)
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	tree(t, dir, [2]string{"d", "/"}, [2]string{"null", "-> /dev/null"})
	for _, name := range []string{"pipe", "d", "null"} {
		_, err := Rules{}.Open(Map, filepath.Join(dir, name))
		if u, ok := errors.AsType[*Unsafe](err); !ok || u.Reason != "Regular files only" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADirectoryBehindALinkIsCheckedToo(t *testing.T) {
	dir := safeDir(t)
	tree(t, dir, [2]string{"open", "/"}, [2]string{"open/f", "text"}, [2]string{"link", "-> open/f"}, [2]string{"way", "-> open"})
	chmod(t, filepath.Join(dir, "open"), 0o777)
	for _, name := range []string{"link", "way/f"} {
		_, err := Rules{}.Open(Map, filepath.Join(dir, name))
		if u, ok := errors.AsType[*Unsafe](err); !ok || u.Path != filepath.Join(dir, "open") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A sticky directory keeps others from our files, but not from making links.
//
// Coverage: B103.
func TestALinkOfAnotherUserInAStickyDirectoryIsNotFollowed(t *testing.T) {
	w := walk{
		steps: []step{{place: place{"/", 0o755, 0}}, {place: place{"/tmp", 0o1777, 0}, linked: true, linkUID: 1000}, {place: place{"/etc", 0o755, 0}}},
		file:  place{"/etc/f", 0o644, 0}, regular: true, links: 1, toLink: true,
	}
	rules := Rules{Blame: config.TrustStickyBit}
	if _, unsafe := rules.judge(Map, "/tmp/f", 0, false, w); unsafe == nil || unsafe.Reason != "Symbolic links not allowed" {
		t.Errorf("another user's link: %v", unsafe)
	}
	w.steps[1].linkUID = 0
	if _, unsafe := rules.judge(Map, "/tmp/f", 0, false, w); unsafe != nil {
		t.Errorf("root's own link: %v", unsafe)
	}
}

func TestNothingIsMadeInAnUnsafeDirectory(t *testing.T) {
	unsafe := filepath.Join(filepath.Dir(put(t, worldDir, 0o644)), "new")
	if _, err := (Rules{}).OpenToWrite(Statistics, unsafe, 0o600); err == nil {
		t.Error("it was opened")
	}
	if _, err := os.Lstat(unsafe); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
	fresh := filepath.Join(safeDir(t), "new")
	for range 2 { // made, and then there
		f, err := Rules{}.OpenToWrite(Statistics, fresh, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		f.Close()
	}
}

// Somebody who can write a directory above swaps a safe file, a link to a
// secret one and a directory all the time: what is opened is never what the
// rules forbid.
func TestARenameDuringTheWalkOpensNothingForbidden(t *testing.T) {
	dir := safeDir(t)
	tree(
		t, dir, [2]string{"play", "/"}, [2]string{"play/good", "/"}, [2]string{"play/good/f", "good"},
		[2]string{"evil", "/"}, [2]string{"evil/f", "evil"}, [2]string{"play/link", "-> ../evil"},
	)
	chmod(t, filepath.Join(dir, "evil"), 0o777)
	now := filepath.Join(dir, "play", "now")
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			target := "good"
			if i%2 == 0 {
				target = "../evil"
			}
			fresh := now + "-new"
			os.Symlink(target, fresh) // the next turn tries again
			os.Rename(fresh, now)     // so does this
		}
	}()
	opened, refused := 0, 0
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
		f, err := Rules{}.Open(Map, filepath.Join(now, "f"))
		if err != nil {
			if _, ok := errors.AsType[*Unsafe](err); ok {
				refused++
			}
			continue
		}
		got, err := io.ReadAll(f)
		f.Close()
		if string(got) != "good" || err != nil {
			t.Fatalf("opened %q, %v", got, err)
		}
		opened++
	}
	close(stop)
	<-done
	if opened == 0 || refused == 0 {
		t.Errorf("the race was none: %d opened, %d refused", opened, refused)
	}
}
