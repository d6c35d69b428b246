//go:build !unix

package secret

import (
	"errors"
	"io/fs"
	"os"
)

var errSymlink = errors.New("it is a symbolic link")

func openNoFollow(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return nil, errSymlink
	}
	return os.Open(path)
}

// private has nothing to check: here access lists, which a profile directory
// passes on to its files, say who may read.
func private(string, fs.FileInfo, int) error { return nil }

// inherit has nothing to do: a new file has the access list of its directory.
func inherit(*os.File, fs.FileInfo) error { return nil }

// syncDir has nothing to do: Windows has no fsync of a directory.
func syncDir(string) error { return nil }
