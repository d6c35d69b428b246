package queue

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Free is how many octets fit on the disk that holds dir, or that will hold it
// once it is made.
func (OS) Free(dir string) (int64, error) {
	for {
		free, err := freeOctets(dir)
		above := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || above == dir {
			return free, err
		}
		dir = above
	}
}
