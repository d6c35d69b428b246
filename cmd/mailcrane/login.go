package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/smarthost/secret"
)

// maxPassword bounds a password or token that is typed or piped in.
const maxPassword = 16 << 10

func (a *app) loginCommand() *cobra.Command {
	return &cobra.Command{
		Use: "login [ACCOUNT]", Short: "Put an account's password into the keyring",
		Long: `login asks for the account's password, without showing it, and puts it into the
keyring of the session. Without a terminal it reads one line of standard input.`,
		Example: "  mailcrane login work",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, words []string) error {
			account, err := a.keyringAccount(words)
			if err != nil {
				return err
			}
			password, err := a.askPassword(account)
			if err != nil {
				return err
			}
			if err := secret.Store(cmd.Context(), account, a.getenv, password); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "the password of account %s is in the keyring; try it with: mailcrane config check --online\n", account.Name)
			a.wakeAgent(cmd.Context())
			return nil
		},
	}
}

// wakeAgent lets a running agent try again what a wrong password kept back.
func (a *app) wakeAgent(ctx context.Context) {
	if c, err := a.config(); err == nil {
		askAgent(ctx, c, askRun) //nolint:errcheck // there may be no agent
	}
}

func (a *app) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout [ACCOUNT]", Short: "Take an account's password out of the keyring",
		Example: "  mailcrane logout work",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, words []string) error {
			account, err := a.keyringAccount(words)
			if err != nil {
				return err
			}
			if err := secret.Forget(cmd.Context(), account, a.getenv); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "the keyring holds no password of account %s any more\n", account.Name)
			return nil
		},
	}
}

// keyringAccount is the account that is named, or the default one; its secret
// must be kept in the keyring.
func (a *app) keyringAccount(words []string) (*config.Account, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	account := c.DefaultAccount
	if len(words) == 1 {
		account = c.Account(words[0])
	}
	var names []string
	for _, known := range c.Accounts {
		names = append(names, known.Name)
	}
	switch {
	case len(names) == 0:
		return nil, sysexits.Errorf(sysexits.Config, "add one to ~/.config/mailcrane/mailcrane.toml; README.md shows how", "there is no account yet")
	case account == nil:
		return nil, sysexits.Errorf(sysexits.Usage, "name one of: "+strings.Join(names, ", "), "which account?")
	case account.Secret.Kind != "keyring":
		return nil, sysexits.Errorf(sysexits.Config, "change it there",
			"the password of account %s is not in the keyring: secret = %q", account.Name, account.Secret)
	}
	return account, nil
}

func (a *app) askPassword(account *config.Account) (string, error) {
	var text []byte
	var err error
	if file, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprintf(a.stderr, "password of %s at %s (not shown): ", account.User, account.Smarthost.Host)
		text, err = term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(a.stderr)
	} else {
		return readPassword(a.stdin)
	}
	return passwordOf(text, err)
}

// readPassword is the first line of what is piped in.
func readPassword(in io.Reader) (string, error) {
	text, err := bufio.NewReader(io.LimitReader(in, maxPassword)).ReadBytes('\n')
	if err == io.EOF { //nolint:errorlint // bufio returns it bare
		err = nil
	}
	return passwordOf(text, err)
}

func passwordOf(text []byte, err error) (string, error) {
	password := strings.TrimRight(string(text), "\r\n")
	switch {
	case err != nil:
		return "", sysexits.Errorf(sysexits.NoInput, "", "the password could not be read: %w", err)
	case password == "":
		return "", sysexits.Errorf(sysexits.NoInput, "type it, or pipe it in", "there was no password")
	}
	return password, nil
}
