package migrate

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Stage copies the messages of all letters into an empty directory, from where
// they are read from now on: for who can no longer read the old queue. A
// message that cannot be copied keeps its error for Open. The letters' files
// are given to uid and gid, and the directory last.
func Stage(dir string, letters []*Letter, uid, gid int) error {
	for n, l := range letters {
		path := filepath.Join(dir, fmt.Sprint(n))
		if err := l.copyTo(path); err != nil {
			l.message = func() (*body, error) { return nil, err }
			continue
		}
		if err := os.Chown(path, uid, gid); err != nil {
			return err
		}
		l.message = func() (*body, error) {
			f, err := os.Open(path)
			return &body{f, f.Close}, err
		}
	}
	return os.Chown(dir, uid, gid)
}

func (l *Letter) copyTo(path string) error {
	from, err := l.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}
