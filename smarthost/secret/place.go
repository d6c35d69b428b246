package secret

import (
	"context"
	"errors"
	"io/fs"
	"os"

	library "github.com/zalando/go-keyring"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// A Place keeps one secret of an account, and takes another in its stead. Read
// gives an error of ErrNotFound where it is empty.
type Place interface {
	Source
	// Write returns nil once text is kept durably; before, what was there is
	// kept whole. text is one line of at most MostKept octets.
	Write(ctx context.Context, text string) error
	// Forget leaves nothing there; that nothing was is no error.
	Forget(ctx context.Context) error
}

// MostKept is the longest secret that every keyring takes, in octets: that of
// Windows takes no more.
const MostKept = 2560

// Grant is the place for what the account's issuer of tokens has given at the
// log-in, the refresh token: a keyring or a file, as secret has it.
func Grant(a *config.Account, getenv func(string) string) Place {
	if a.Secret.Kind == "file" {
		return ownFile{file{account: a.Name, path: a.Secret.Value}}
	}
	return entry{keyringEntry(a, KeyringUser(a)+"/login", getenv)}
}

// Client is the secret of the program itself at the account's issuer, as
// oauth.client_secret has it.
func Client(a *config.Account, getenv func(string) string) Source {
	return at(a, a.OAuth.ClientSecret, clientUser(a), getenv)
}

// ClientPlace is where Client is kept; nil for any other place than the keyring,
// which is filled by whoever has named it.
func ClientPlace(a *config.Account, getenv func(string) string) Place {
	if a.OAuth.ClientSecret.Kind != "keyring" {
		return nil
	}
	return entry{keyringEntry(a, clientUser(a), getenv)}
}

func clientUser(a *config.Account) string { return KeyringUser(a) + "/client" }

// LoginCommand is what to type to log in with account a.
func LoginCommand(a *config.Account) string { return "mailcrane login " + quote(a.Name) }

// An entry is a Place in the keyring.
type entry struct{ keyring }

func (e entry) Write(ctx context.Context, text string) error {
	if len(text) > MostKept {
		return sysexits.Errorf(sysexits.Unavailable, `keep it in a file: secret = "file:…" in [account.`+e.account+`]`,
			"what the issuer gave is %d octets long, and a keyring takes %d", len(text), MostKept)
	}
	return e.change(ctx, func() error { return library.Set(Service, e.user, text) })
}

func (e entry) Forget(ctx context.Context) error { return e.forget(ctx) }

// An ownFile is a Place in a file that mailcrane writes itself.
type ownFile struct{ file }

func (f ownFile) Read(ctx context.Context) (Value, error) {
	if _, err := os.Lstat(f.path); errors.Is(err, fs.ErrNotExist) {
		return Value{}, sysexits.Errorf(sysexits.Config, "", "%w: %s is not there", ErrNotFound, f.path)
	}
	return f.file.Read(ctx)
}

// Write replaces the file by a new one: at any moment the one or the other is
// there whole.
func (f ownFile) Write(_ context.Context, text string) error {
	info, err := os.Lstat(f.path)
	if err == nil && !info.Mode().IsRegular() {
		return notRegular("the file "+f.path, info.Mode())
	}
	if err := replace(f.path, text+"\n", info); err != nil {
		return sysexits.Errorf(sysexits.CantCreat, "see who may write there, and how much space is left, with: ls -ld "+quote(f.path)+"; df "+quote(f.path),
			"cannot write the file %s: %w", f.path, reason(err))
	}
	return nil
}

func (f ownFile) Forget(context.Context) error {
	err := os.Remove(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return sysexits.Errorf(sysexits.NoPerm, "remove it yourself with: rm "+quote(f.path), "cannot remove the file %s: %w", f.path, reason(err))
	}
	return nil
}
