package links

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/sysexits"
)

const shim = "/usr/local/lib/mailcrane/sendmail"

// bare is a system without alternatives and dpkg.
func bare(_ context.Context, name string, _ ...string) (string, error) {
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}

// machine is a root folder with the usual places; files are put into it, and a
// text that begins with -> is a link.
func machine(t *testing.T, files map[string]string) (root string, l *Links) {
	t.Helper()
	root = t.TempDir()
	for _, dir := range []string{"/usr/sbin", "/usr/lib", "/usr/bin", "/etc/alternatives"} {
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(root+path), 0o755); err != nil {
			t.Fatal(err)
		}
		target, link := strings.CutPrefix(text, "->")
		err := os.WriteFile(root+path, []byte(text), 0o755)
		if link {
			_ = os.Remove(root + path)
			err = os.Symlink(target, root+path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root, New(Options{Shim: shim, Root: root, Run: bare})
}

// contents is everything in a root folder.
func contents(t *testing.T, root string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		what, err := os.Readlink(path)
		if err != nil {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			what = string(data)
		}
		fmt.Fprintf(&all, "%s %v %s\n", strings.TrimPrefix(path, root), d.Type(), what)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestWhatWasThereComesBackExactly(t *testing.T) {
	for _, test := range []struct {
		reason string
		files  map[string]string
	}{
		{"a machine without any", nil},
		{"another MTA's files", map[string]string{"/usr/sbin/sendmail": "theirs", "/usr/lib/sendmail": "->../sbin/sendmail", "/usr/bin/mailq": "->/usr/sbin/sendmail"}},
		{"a link that leads nowhere", map[string]string{"/usr/sbin/sendmail": "->/opt/gone"}},
		{"a link made by hand", map[string]string{"/usr/sbin/sendmail": "->/usr/bin/msmtp", "/usr/bin/msmtp": "msmtp"}},
	} {
		t.Run(test.reason, func(t *testing.T) {
			root, l := machine(t, test.files)
			before := contents(t, root)
			if _, err := l.Install(t.Context(), true); err != nil {
				t.Fatal(err)
			}
			for _, path := range paths() {
				if target, err := os.Readlink(root + path); target != shim {
					t.Errorf("%s leads to %q, %v", path, target, err)
				}
			}
			installed := contents(t, root)
			if changed, err := l.Install(t.Context(), false); len(changed) != 0 || err != nil || contents(t, root) != installed {
				t.Errorf("the second time: %v, %v\n%s", changed, err, contents(t, root))
			}
			if _, err := l.Remove(t.Context()); err != nil {
				t.Fatal(err)
			}
			if after := contents(t, root); after != before {
				t.Errorf("before:\n%safter:\n%s", before, after)
			}
			if changed, err := l.Remove(t.Context()); len(changed) != 0 || err != nil {
				t.Errorf("removed again: %v, %v", changed, err)
			}
		})
	}
}

func TestAnotherMailProgramIsLeftAloneUnlessReplaced(t *testing.T) {
	root, l := machine(t, map[string]string{"/usr/bin/newaliases": "theirs"})
	before := contents(t, root)
	_, err := l.Install(t.Context(), false)
	if sysexits.Code(err) != sysexits.CantCreat || !strings.Contains(sysexits.Hint(err), "--replace") || !strings.Contains(err.Error(), "/usr/bin/newaliases") {
		t.Errorf("got %v (%s)", err, sysexits.Hint(err))
	}
	if after := contents(t, root); after != before {
		t.Errorf("a refusal changed:\n%s", after)
	}
}

// A link at the name must not be followed: what it leads to is not ours.
func TestNoLinkIsFollowedToWriteElsewhere(t *testing.T) {
	root, l := machine(t, map[string]string{"/etc/shadow": "secret"})
	for _, path := range paths() {
		if err := os.Symlink(root+"/etc/shadow", root+path); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := l.Install(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if data, err := os.ReadFile(root + "/etc/shadow"); string(data) != "secret" {
		t.Errorf("%q, %v", data, err)
	}
}

// Broken off after any step, the same command goes on, and the way back is
// still there.
func TestAnInstallationThatWasBrokenOffGoesOnAndBack(t *testing.T) {
	const theirs = "theirs"
	for _, test := range []struct {
		reason string
		files  map[string]string
	}{
		{"the file is kept aside, the link not made", map[string]string{"/usr/sbin/sendmail" + Saved: theirs}},
		{"one link is made", map[string]string{"/usr/sbin/sendmail" + Saved: theirs, "/usr/sbin/sendmail": "->" + shim}},
	} {
		t.Run(test.reason, func(t *testing.T) {
			for _, again := range []bool{false, true} {
				root, l := machine(t, test.files)
				if again {
					if _, err := l.Install(t.Context(), false); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := l.Remove(t.Context()); err != nil {
					t.Fatal(err)
				}
				if after := contents(t, root); after != "/usr/sbin/sendmail ---------- "+theirs+"\n" {
					t.Errorf("installed again %v, after removal:\n%s", again, after)
				}
			}
		})
	}
}

func TestALaterMailProgramAndWhatWasKeptAreBothLeft(t *testing.T) {
	root, l := machine(t, map[string]string{"/usr/sbin/sendmail": "later", "/usr/sbin/sendmail" + Saved: "earlier"})
	before := contents(t, root)
	if _, err := l.Install(t.Context(), true); sysexits.Code(err) != sysexits.CantCreat {
		t.Errorf("installed over it: %v", err)
	}
	if changed, err := l.Remove(t.Context()); len(changed) != 0 || err != nil {
		t.Errorf("removed: %v, %v", changed, err)
	}
	if after := contents(t, root); after != before {
		t.Errorf("now:\n%s", after)
	}
}

func TestTheShimOfAnotherPlaceIsReplacedWithoutAsking(t *testing.T) {
	root, l := machine(t, map[string]string{"/usr/sbin/sendmail": "->/opt/old/lib/mailcrane/sendmail"})
	if _, err := l.Install(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if target, _ := os.Readlink(root + "/usr/sbin/sendmail"); target != shim {
		t.Errorf("it leads to %s", target)
	}
}

func TestAFolderThatTheMachineLacksIsNotMade(t *testing.T) {
	root, l := machine(t, nil)
	if err := os.Remove(root + "/usr/sbin"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Install(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if exists(root + "/usr/sbin") {
		t.Error("made")
	}
}

func TestABSDIsToldOfMailerConf(t *testing.T) {
	_, l := machine(t, map[string]string{"/etc/mail/mailer.conf": "sendmail /usr/libexec/dma"})
	if _, err := l.Install(t.Context(), true); sysexits.Code(err) != sysexits.Unavailable || !strings.Contains(sysexits.Hint(err), shim) {
		t.Errorf("got %v (%s)", err, sysexits.Hint(err))
	}
}
