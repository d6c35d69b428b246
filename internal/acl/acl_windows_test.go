package acl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

// newPath is not below t.TempDir, since Wine 8 does not know how Go removes that.
func newPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "acl")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "f")
	t.Cleanup(func() {
		os.Remove(path)
		os.Remove(dir)
	})
	return path
}

// Coverage: windows.
func TestWhoCanChangeAFile(t *testing.T) {
	me, err := self()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why, dacl string
		others    int
	}{
		{"only I, the system and its administrators", "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;ME)", 0},
		{"everyone may read", "D:P(A;;FR;;;WD)(A;;FA;;;ME)", 0},
		{"everyone may write", "D:P(A;;FRFW;;;WD)(A;;FA;;;ME)", 1},
	} {
		path := newPath(t)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		sd, err := windows.SecurityDescriptorFromString(strings.ReplaceAll(c.dacl, "ME", me.String()))
		if err != nil {
			t.Fatal(err)
		}
		dacl, _, err := sd.DACL()
		if err == nil {
			err = windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, dacl, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		if who, err := Changers(path); err != nil || len(who) != c.others {
			t.Errorf("%s: %q, %v", c.why, who, err)
		}
	}
}

func TestAPrivateFileIsNotThatOfItsDirectory(t *testing.T) {
	path := newPath(t)
	f, err := CreatePrivate(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	if text := sd.String(); strings.Contains(text, ";;;WD)") || strings.Contains(text, ";;;BU)") {
		t.Errorf("others get at it: %s", text)
	}
	if who, err := Changers(path); err != nil || len(who) > 0 {
		t.Errorf("%q can change it, %v", who, err)
	}
	if _, err := CreatePrivate(path); !os.IsExist(err) {
		t.Errorf("made twice: %v", err)
	}
}
