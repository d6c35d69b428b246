//go:build !unix

package migrate

import (
	"io/fs"
	"os"
)

const nonblock = 0

func openNoFollow(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	return os.Open(path)
}

func links(fs.FileInfo) int { return 1 }
