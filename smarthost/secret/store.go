package secret

import (
	"context"
	"errors"
	"time"

	library "github.com/zalando/go-keyring"

	"mailcrane/internal/config"
)

// storeLimit leaves time for a person to answer the question of a locked
// keyring: who stores a password sits before the screen.
const storeLimit = 2 * time.Minute

// Store puts the account's password into the keyring of the session.
func Store(ctx context.Context, a *config.Account, getenv func(string) string, password string) error {
	return newKeyring(a, getenv).change(ctx, func() error { return library.Set(Service, KeyringUser(a), password) })
}

// Forget takes the account's password out of the keyring; that it was not
// there is no error.
func Forget(ctx context.Context, a *config.Account, getenv func(string) string) error {
	return newKeyring(a, getenv).forget(ctx)
}

func (k keyring) forget(ctx context.Context) error {
	return k.change(ctx, func() error {
		err := library.Delete(Service, k.user)
		if errors.Is(err, library.ErrNotFound) {
			return nil
		}
		return err
	})
}

// change first asks the keyring with our own guards: the library starts a bus
// where there is none, and waits for ever where nobody answers.
func (k keyring) change(ctx context.Context, act func() error) error {
	k.limit = storeLimit
	_, err := k.Read(ctx)
	for _, fatal := range []error{ErrNoBus, ErrNoService, ErrNoAnswer} {
		if errors.Is(err, fatal) {
			return err
		}
	}
	limited, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- act() }()
	select {
	case err = <-done:
	case <-limited.Done():
		err = ErrNoAnswer
	}
	if err != nil {
		return k.explain(err)
	}
	return nil
}
