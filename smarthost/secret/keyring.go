package secret

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// Why the keyring gave no password.
var (
	ErrNoBus     = errors.New("there is no session bus here, so no keyring can be asked")
	ErrNoService = errors.New("no keyring runs in this session")
	ErrLocked    = errors.New("the keyring is locked")
	ErrNotFound  = errors.New("the keyring holds no password for this account")
	ErrNoAnswer  = errors.New("the keyring did not answer in time")
)

// A keyring is a secret in the keyring of the session, under Service and
// KeyringUser.
type keyring struct {
	account, user string
	getenv        func(string) string
	limit         time.Duration
	// turn is held while the keyring is being asked: where a call cannot be
	// called off, the next one waits for its end rather than hang beside it.
	turn chan struct{}
}

func newKeyring(a *config.Account, getenv func(string) string) keyring {
	return keyringEntry(a, KeyringUser(a), getenv)
}

func keyringEntry(a *config.Account, user string, getenv func(string) string) keyring {
	return keyring{
		account: a.Name, user: user, getenv: getenv,
		limit: keyringLimit, turn: make(chan struct{}, 1),
	}
}

// Read never opens a prompt: the agent asks at any hour, and nobody may be
// there to answer.
func (k keyring) Read(ctx context.Context) (Value, error) {
	limited, cancel := context.WithTimeout(ctx, k.limit)
	defer cancel()
	text, err := k.ask(limited)
	switch {
	case ctx.Err() != nil:
		return Value{}, sysexits.Errorf(sysexits.TempFail, "", "the keyring was not asked to the end: %w", context.Cause(ctx))
	case err != nil && limited.Err() != nil:
		return Value{}, k.explain(fmt.Errorf("%w (%v)", ErrNoAnswer, k.limit))
	case err != nil:
		return Value{}, k.explain(err)
	}
	return valueOf(k.account, "the keyring's entry "+k.user, text)
}

// ask holds the turn until the keyring has answered, also after ctx has ended.
func (k keyring) ask(ctx context.Context) ([]byte, error) {
	select {
	case k.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	type answer struct {
		text []byte
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		defer func() { <-k.turn }()
		text, err := k.lookUp(ctx)
		answered <- answer{text, err}
	}()
	select {
	case a := <-answered:
		return a.text, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// explain adds what to type next.
func (k keyring) explain(err error) error {
	code, hint := sysexits.Unavailable, ""
	elsewhere := fmt.Sprintf(`or keep the password elsewhere: secret = "file:…", "command:…" or "credential:…" in [account.%s]`, k.account)
	switch {
	case errors.Is(err, ErrNoBus):
		hint = "start mailcrane inside the desktop session, " + elsewhere
	case errors.Is(err, ErrNoService):
		hint = "install and start a keyring such as gnome-keyring, " + elsewhere
	case errors.Is(err, ErrLocked):
		code, hint = sysexits.NoPerm, "unlock it"+k.unlockCommand()+", then: mailcrane flush"
	case errors.Is(err, ErrNotFound):
		code, hint = sysexits.Config, "store it with: "+storeCommands(k.account, k.user)
	case errors.Is(err, ErrNoAnswer):
		code, hint = sysexits.TempFail, "see whether a question of the keyring waits for an answer on the screen, then: mailcrane flush"
	default:
		err = fmt.Errorf("the keyring refused: %w", err)
		hint = "see whether it works for others, " + elsewhere
	}
	return sysexits.Errorf(code, hint, "%w", err)
}

// storeCommands are how to store the password: ours, and the system's own.
func storeCommands(account, user string) string {
	ours := "mailcrane login " + quote(account)
	switch runtime.GOOS {
	case "windows":
		return ours
	case "darwin":
		return fmt.Sprintf("%s; or: security add-generic-password -U -s %s -a %s -w", ours, Service, quote(user))
	}
	return fmt.Sprintf("%s; or: secret-tool store --label=%s service %s username %s",
		ours, quote("mailcrane "+account), Service, quote(user))
}

// unlockCommand is a command that makes the keyring ask for its password, and
// shows nothing.
func (k keyring) unlockCommand() string {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return ""
	}
	return fmt.Sprintf(" with: secret-tool lookup service %s username %s >/dev/null", Service, quote(k.user))
}
