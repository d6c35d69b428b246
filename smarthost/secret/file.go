package secret

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"mailcrane/internal/sysexits"
)

// A file is a secret in a file that only its owner can read.
type file struct {
	account, path string
}

func (s file) Read(context.Context) (Value, error) {
	where := "the password file " + s.path
	f, err := s.open(where)
	if err != nil {
		return Value{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Value{}, sysexits.Errorf(sysexits.IOErr, "", "cannot read %s: %w", where, reason(err))
	}
	if !info.Mode().IsRegular() {
		return Value{}, notRegular(where, info.Mode())
	}
	if err := private(s.path, info, os.Geteuid()); err != nil {
		return Value{}, err
	}
	return readAll(s.account, where, f)
}

func (s file) open(where string) (*os.File, error) {
	f, err := openNoFollow(s.path)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, sysexits.Errorf(sysexits.Config,
			fmt.Sprintf("write it with: (umask 077; cat > %s)", quote(s.path)),
			"%s is not there", where)
	case errors.Is(err, errSymlink):
		hint := fmt.Sprintf("name the file itself in secret of [account.%s]", s.account)
		if target, err := filepath.EvalSymlinks(s.path); err == nil {
			hint += fmt.Sprintf(": secret = %q", "file:"+target)
		}
		return nil, sysexits.Errorf(sysexits.Config, hint, "%s is a symbolic link, which is not followed", where)
	}
	return nil, sysexits.Errorf(sysexits.NoPerm,
		fmt.Sprintf("see who may read it with: ls -l %s", quote(s.path)),
		"cannot read %s: %w", where, reason(err))
}

func notRegular(where string, mode fs.FileMode) error {
	kind := "a special file"
	switch {
	case mode.IsDir():
		kind = "a directory"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a named pipe"
	}
	return sysexits.Errorf(sysexits.Config, "name a plain file with the password in it",
		"%s is %s, not a plain file", where, kind)
}

// readAll reads a secret that is all of f, within the bound.
func readAll(account, where string, f io.Reader) (Value, error) {
	// Two more than the bound: the line end, and the octet that is too much.
	text, err := io.ReadAll(io.LimitReader(f, most+3))
	if err != nil {
		return Value{}, sysexits.Errorf(sysexits.IOErr, "", "cannot read %s: %w", where, reason(err))
	}
	return valueOf(account, where, text)
}

// reason is a file error without the path, which the sentence has already.
func reason(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
