package secret

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Claim makes an empty file for the owner of its directory, unless one is there:
// beside a secret that root has put there for a service, which uses both.
func Claim(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(inherit(f, nil), f.Close())
}

// Replace writes text into a new file that takes the place of path, durably: of
// mode 0600, and of the owner of the file that was there, else of the directory.
func Replace(path, text string) error {
	old, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		old, err = nil, nil
	}
	if err != nil {
		return err
	}
	return replace(path, text, old)
}

// replace writes text into a new file that takes the place of path, durably. old
// is the file that is there now, nil if none is.
func replace(path, text string, old fs.FileInfo) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.WriteString(text)
	if err == nil {
		err = inherit(f, old)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
