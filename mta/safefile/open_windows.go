package safefile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mailcrane/internal/acl"
	"mailcrane/internal/config"
	"mailcrane/internal/visible"
)

// Open opens path for reading as a file of kind. It refuses one that others can
// change with an *Unsafe, and one that is not there with an error that wraps
// fs.ErrNotExist. Windows has no modes: what counts is who its list of access
// lets change the file and its directory.
func (r Rules) Open(kind Kind, path string) (*File, error) { return r.open(kind, path, os.O_RDONLY, 0) }

// OpenToWrite opens path for reading and writing as a file of kind, which is
// made where it is not there. What is in it stays.
func (r Rules) OpenToWrite(kind Kind, path string, perm fs.FileMode) (*File, error) {
	return r.open(kind, path, os.O_RDWR|os.O_CREATE, perm)
}

func (r Rules) open(kind Kind, path string, flags int, perm fs.FileMode) (*File, error) {
	dir := filepath.Dir(path)
	if err := r.unchanged(kind, path, dir, kinds[kind].unsafeDir, "directory"); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, flags, perm)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = (&Unsafe{Kind: kind, File: path, Path: path, Reason: "Regular files only", Mend: "name a file"}).refusal()
	}
	if err == nil {
		err = r.unchanged(kind, path, path, kinds[kind].groupWritable|kinds[kind].worldWritable, "file")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &File{File: f, Targets: true, OwnerBelieved: true}, nil
}

// unchanged refuses what others can change, unless one of the words is set.
func (r Rules) unchanged(kind Kind, file, path string, words config.Blame, noun string) error {
	if r.Blame&words != 0 || kind == Program || kind == Delivery {
		return nil
	}
	who, err := acl.Changers(path)
	if err != nil {
		return fmt.Errorf("opening %s: %w", quote(file), err)
	}
	if len(who) == 0 {
		return nil
	}
	return (&Unsafe{
		Kind: kind, File: file, Path: path, Reason: "World writable " + noun,
		Detail: visible.Line(strings.Join(who, ", ")+" can change it", 0),
		Mend:   fmt.Sprintf(`type: icacls "%s" /remove:g "%s"`, path, who[0]),
	}).refusal()
}
