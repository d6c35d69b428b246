package secret

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"mailcrane/internal/sysexits"
)

// A credential is a secret that systemd hands to a service as a file in
// $CREDENTIALS_DIRECTORY (systemd.exec(5), LoadCredential=).
type credential struct {
	account, name string
	getenv        func(string) string
}

// Read does not look at owner and mode: systemd sees to them, and gives a
// service of another user its access by an access list, which shows as a
// group permission.
func (s credential) Read(context.Context) (Value, error) {
	hint := fmt.Sprintf("add to the service: LoadCredentialEncrypted=%s, or LoadCredential=%s:/path/of/a/file", s.name, s.name)
	dir := s.getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return Value{}, sysexits.Errorf(sysexits.Config, hint,
			"the password is the systemd credential %s, but this process was started without credentials", s.name)
	}
	where := "the systemd credential " + s.name
	f, err := openNoFollow(filepath.Join(dir, s.name))
	if errors.Is(err, fs.ErrNotExist) {
		return Value{}, sysexits.Errorf(sysexits.Config, hint, "%s was not handed to this service", where)
	}
	if err != nil {
		return Value{}, sysexits.Errorf(sysexits.NoPerm, hint, "cannot read %s: %w", where, reason(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Value{}, sysexits.Errorf(sysexits.IOErr, "", "cannot read %s: %w", where, reason(err))
	}
	if !info.Mode().IsRegular() {
		return Value{}, notRegular(where, info.Mode())
	}
	return readAll(s.account, where, f)
}
