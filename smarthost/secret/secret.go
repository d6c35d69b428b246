// Package secret gets an account's password or token from where its owner
// keeps it: the keyring of the session, a command, a file, a systemd
// credential. Only what is said to be kept is written: a password into the
// keyring, and what an issuer of tokens gives into its Place.
//
// Every error is a *sysexits.Error: one sentence, and what to type next.
// Code EX_TEMPFAIL means that trying again later may help; with any other, a
// person has to act first.
package secret

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// most bounds what is read from any source, in octets. OAuth tokens run to
// some thousands.
const most = 64 << 10

// The time that a source may take.
const (
	keyringLimit = 5 * time.Second
	// commandLimit leaves time for a person to answer the question of a
	// password manager.
	commandLimit = 30 * time.Second
)

// Service is the name under which passwords stand in the keyring.
const Service = "mailcrane"

// KeyringUser is the user name under which the account's password stands in
// the keyring: two accounts may log in under one name.
func KeyringUser(a *config.Account) string { return a.Name + "/" + a.User }

// A Source is where one secret is kept. Read asks there each time; it ends
// within half a minute, or with the context.
type Source interface {
	Read(ctx context.Context) (Value, error)
}

// New is the source that the account's configuration names. getenv is asked
// for DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR and CREDENTIALS_DIRECTORY.
func New(a *config.Account, getenv func(string) string) Source {
	return at(a, a.Secret, KeyringUser(a), getenv)
}

// at is the source that setting names; user is the user name in the keyring.
func at(a *config.Account, setting config.Secret, user string, getenv func(string) string) Source {
	switch setting.Kind {
	case "command":
		return command{account: a.Name, line: setting.Value, limit: commandLimit}
	case "file":
		return file{account: a.Name, path: setting.Value}
	case "credential":
		return credential{account: a.Name, name: setting.Value, getenv: getenv}
	}
	return keyringEntry(a, user, getenv)
}

// Mend is what to type after the server has refused the account's secret.
func Mend(a *config.Account) string {
	if a.OAuth.Used() {
		return "log in anew with: " + LoginCommand(a)
	}
	switch a.Secret.Kind {
	case "command":
		return fmt.Sprintf("run the command in secret of [account.%s] and see whether it prints the right password", a.Name)
	case "file":
		return "correct the password in " + quote(a.Secret.Value)
	case "credential":
		return fmt.Sprintf("correct the systemd credential %s and restart the service", a.Secret.Value)
	}
	return "store the right password with: " + storeCommands(a.Name, KeyringUser(a))
}

// valueOf makes a Value of what a source gave, less one line end. where names
// the source in a sentence.
func valueOf(account, where string, text []byte) (Value, error) {
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	hint := fmt.Sprintf("put the password of account %s there, alone on one line", account)
	switch {
	case len(text) == 0:
		return Value{}, sysexits.Errorf(sysexits.Config, hint, "%s is empty", where)
	case len(text) > most:
		return Value{}, tooLong(account, where)
	case bytes.ContainsAny(text, "\r\n"):
		return Value{}, sysexits.Errorf(sysexits.Config, hint, "%s holds more than one line", where)
	case bytes.IndexByte(text, 0) >= 0:
		// RFC 4616 section 2: NUL separates the parts of a PLAIN message.
		return Value{}, sysexits.Errorf(sysexits.Config, hint, "%s holds a NUL octet, which no password can have", where)
	}
	return seal(text), nil
}

func tooLong(account, where string) error {
	return sysexits.Errorf(sysexits.Config,
		fmt.Sprintf("put the password of account %s there, alone on one line", account),
		"%s gave more than %d octets", where, most)
}

// quote makes text one word of a shell command.
func quote(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
