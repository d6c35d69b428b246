package queue

import (
	"os"
	"path/filepath"
	"testing"
)

// An open file could not be renamed on Windows: no message was ever sent there,
// since its state is in its name.
//
// Coverage: windows.
func TestAnOpenFileGetsAnotherNameOnWindows(t *testing.T) {
	dir, err := os.MkdirTemp("", "disk") // Wine 8 does not know how t.TempDir is removed
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(dir)
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	made, err := OS{}.Create(from)
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	if _, err := made.Write([]byte("one")); err != nil {
		t.Fatal(err)
	}
	if _, err := (OS{}).Create(from); !os.IsExist(err) {
		t.Errorf("made twice: %v", err)
	}
	read, err := OS{}.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	if !read.IsAt(from) {
		t.Error("it is not where it was opened")
	}
	added, err := OS{}.Append(from)
	if err != nil {
		t.Fatal(err)
	}
	defer added.Close()
	if _, err := added.Write([]byte("two")); err != nil {
		t.Fatal(err)
	}
	if err := added.Sync(); err != nil {
		t.Error(err)
	}
	if err := (OS{}).Rename(from, to); err != nil {
		t.Fatal(err)
	}
	if read.IsAt(from) { // whether it is at to, Wine 8 cannot say: it knows a volume by the old name
		t.Error("it is still known by its old name")
	}
	b := make([]byte, 9)
	if n, err := (OS{}).Peek(to, b); err != nil || string(b[:n]) != "onetwo" {
		t.Errorf("%q, %v", b[:n], err)
	}
	if err := (OS{}).Remove(to); err != nil {
		t.Error(err)
	}
}
