package oauth

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/smarthost/secret"
)

const (
	// lockLimit is how long another process may take for its refresh.
	lockLimit = 2 * requestLimit
	lockAgain = 50 * time.Millisecond
)

// lockPath is the same for all processes that use the account's place: an issuer
// may take a refresh token only once.
func lockPath(a *config.Account, getenv func(string) string) string {
	if a.Secret.Kind == "file" {
		return a.Secret.Value + ".lock"
	}
	return filepath.Join(config.Home(getenv), ".local/state/mailcrane", "login-"+url.PathEscape(secret.KeyringUser(a))+".lock")
}

// lock waits until no other process refreshes the account's token or logs in.
// The lock ends with the process that holds it.
func lock(ctx context.Context, a *config.Account, getenv func(string) string) (unlock func(), err error) {
	path := lockPath(a, getenv)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, notLocked(path, err)
	}
	if err := secret.Claim(path); err != nil {
		return nil, notLocked(path, err)
	}
	l := flock.New(path, flock.SetPermissions(0o600))
	limited, cancel := context.WithTimeout(ctx, lockLimit)
	defer cancel()
	got, err := l.TryLockContext(limited, lockAgain)
	switch {
	case got:
		return func() { l.Close() }, nil //nolint:errcheck // it ends with the process at the latest
	case limited.Err() != nil:
		return nil, sysexits.Errorf(sysexits.TempFail, "", "another process of mailcrane has not come to an end with the log-in of account %s", a.Name)
	}
	return nil, notLocked(path, err)
}

func notLocked(path string, err error) error {
	return sysexits.Errorf(sysexits.CantCreat, "look at the owner and mode of "+filepath.Dir(path), "locking %s: %w", path, err)
}
