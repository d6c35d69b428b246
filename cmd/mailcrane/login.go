package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/smarthost"
	"mailcrane/smarthost/secret"
)

// A loginWay is how a person wants to log in.
type loginWay struct{ device, noBrowser bool }

func (a *app) loginCommand() *cobra.Command {
	var way loginWay
	c := &cobra.Command{
		Use: "login [ACCOUNT]", Short: "Log in: a password into the keyring, or by the provider's own page",
		Long: `login asks for the account's password, without showing it, and puts it into the
keyring of the session. Without a terminal it reads one line of standard input.

For an account with oauth.issuer it opens the provider's log-in page in a browser,
and keeps what the provider gives for it; where there is no browser, or with
--device, it shows a code to type on another device. See docs/login.md.`,
		Example: "  mailcrane login work\n  mailcrane login --device work",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, words []string) error {
			account, err := a.loginAccount(words)
			switch {
			case err != nil:
				return err
			case account.OAuth.Used():
				err = a.loginAtIssuer(cmd.Context(), account, way)
			case way != loginWay{}:
				return sysexits.Errorf(sysexits.Usage, "set oauth.issuer, as docs/login.md says, or leave the flag out",
					"account %s logs in with a password, which needs no browser and no code", account.Name)
			default:
				err = a.loginByPassword(cmd.Context(), account)
			}
			if err == nil {
				a.wakeAgent(cmd.Context())
			}
			return err
		},
	}
	c.Flags().BoolVar(&way.device, "device", false, "show a code to type on another device, for an account with oauth.issuer")
	c.Flags().BoolVar(&way.noBrowser, "no-browser", false, "show the address of the log-in page and open nothing")
	return c
}

func (a *app) loginByPassword(ctx context.Context, account *config.Account) error {
	host := account.Smarthost.Host
	if advice := smarthost.PasswordAdvice(host); advice != "" {
		fmt.Fprintln(a.stderr, advice)
	}
	password, err := a.askSecret(ctx, "password", fmt.Sprintf("password of %s at %s", account.User, host))
	if err != nil {
		return err
	}
	if err := secret.Store(ctx, account, a.getenv, password); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "the password of account %s is in the keyring; try it with: mailcrane config check --online\n", account.Name)
	return nil
}

// wakeAgent lets a running agent try again what a wrong password kept back.
func (a *app) wakeAgent(ctx context.Context) {
	if c, err := a.config(); err == nil {
		askAgent(ctx, c, askRun) //nolint:errcheck // there may be no agent
	}
}

func (a *app) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout [ACCOUNT]", Short: "Forget an account's password, or end its log-in at the provider",
		Example: "  mailcrane logout work",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, words []string) error {
			account, err := a.loginAccount(words)
			if err != nil {
				return err
			}
			if account.OAuth.Used() {
				return a.logoutAtIssuer(cmd.Context(), account)
			}
			if err := secret.Forget(cmd.Context(), account, a.getenv); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "the keyring holds no password of account %s any more\n", account.Name)
			return nil
		},
	}
}

// loginAccount is the account that is named, or the default one; its secret must
// be one that is kept by login.
func (a *app) loginAccount(words []string) (*config.Account, error) {
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
	case account.Secret.Kind != "keyring" && !account.OAuth.Used():
		return nil, sysexits.Errorf(sysexits.Config, cmp.Or(smarthost.PasswordAdvice(account.Smarthost.Host), "change it there"),
			"the password of account %s is not in the keyring: secret = %q", account.Name, account.Secret)
	}
	return account, nil
}
