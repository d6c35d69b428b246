package queue

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// OS is the machine's own file system.
type OS struct{}

type osFile struct{ *os.File }

func wrap(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Create implements Disk.
func (OS) Create(path string) (File, error) {
	return wrap(openFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL))
}

// Open implements Disk.
func (OS) Open(path string) (File, error) {
	f, err := openFile(path, os.O_RDONLY)
	if err != nil {
		// A link or a socket cannot be opened at all.
		if info, lerr := os.Lstat(path); lerr == nil && !info.Mode().IsRegular() {
			return nil, errNotRegular
		}
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		if err == nil {
			err = errNotRegular
		}
		return nil, err
	}
	return osFile{f}, nil
}

// Peek implements Disk.
func (OS) Peek(path string, b []byte) (int, error) { return peek(path, b) }

// Append implements Disk.
func (OS) Append(path string) (File, error) {
	return wrap(openFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND))
}

// Rename implements Disk.
func (OS) Rename(from, to string) error { return rename(from, to) }

// Remove implements Disk.
func (OS) Remove(path string) error { return unlink(path) }

// Mkdir implements Disk.
func (OS) Mkdir(path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// SyncDir implements Disk.
func (OS) SyncDir(path string) error { return syncDir(path) }

// Names implements Disk.
func (OS) Names(path string, f func(name string) bool) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		names, err := d.Readdirnames(1024)
		for _, name := range names {
			if !f(name) {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Modified implements Disk.
func (OS) Modified(path string) (time.Time, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

func (f osFile) Lock(wait bool) (bool, error) { return lockFile(f.File, wait) }

func (f osFile) IsAt(path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(mine, there)
}
