package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"mailcrane/installer/discover"
	"mailcrane/installer/guide"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

func (a *app) setupCommand() *cobra.Command {
	var w setupWishes
	c := &cobra.Command{
		Use: "setup [ADDRESS]", Short: "Set mail up: find the provider's settings, log in, send a test message",
		Long: `setup asks for your address, finds your provider's settings, tries the log-in,
writes the configuration, sends a test message to you, and has the agent started
with your session. It asks for the address, the password, and what cannot be
found out. Nothing is written before the server has taken the log-in, and the
same command goes on where a run was broken off.

On a terminal it shows forms; --accessible, $ACCESSIBLE or TERM=dumb have plain
lines for a screen reader instead. With --yes nothing is asked: the defaults are
taken, and what has none must be said by flags.

The settings are looked for, in this order, in a table of large providers, in SRV
records, at the domain itself (autoconfig), by the domain's MX, in Mozilla's
database, which is told the domain and not the address, and by trying the usual
names. What could not be asked is said, and is not taken for "not there".`,
		Example: "  mailcrane setup\n  mailcrane setup me@example.org\n  mailcrane setup --yes --password-file - me@example.org <password\n  mailcrane setup --dry-run me@example.org",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, words []string) error {
			if len(words) == 1 {
				w.Address = words[0]
			}
			return a.setup(cmd.Context(), w)
		},
	}
	w.flags(c)
	return c
}

// setupWishes are the flags of setup.
type setupWishes struct {
	guide.Wishes

	passwordFile string
	accessible   bool
}

func (w *setupWishes) flags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&w.Yes, "yes", false, "ask nothing: take the defaults")
	f.BoolVar(&w.accessible, "accessible", false, "ask in plain lines, for a screen reader")
	f.BoolVar(&w.DryRun, "dry-run", false, "show what would be written, and write nothing")
	f.StringVar(&w.Account, "account", "", "the account's `name` in the configuration")
	f.StringVar(&w.Smarthost, "smarthost", "", "the server, as a `URL` such as smtps://smtp.example.org; nothing is looked for then")
	f.StringVar(&w.User, "user", "", "the `name` to log in with, where it is not the address")
	f.StringVar(&w.Auth, "auth", "", "the `mechanism` of the log-in, or none")
	f.StringVar(&w.passwordFile, "password-file", "", "read the password from this `file`; - is standard input")
	f.StringVar(&w.Secret, "secret", "", "where the password is `kept`: keyring, file, file:PATH, command:LINE, credential:NAME")
	f.StringVar(&w.Issuer, "oauth-issuer", "", "log in with tokens of this `issuer`: google, microsoft, or a URL")
	f.StringVar(&w.ClientID, "client-id", "", "the client `ID` that the issuer gave your application")
	f.StringArrayVar(&w.Listen, "listen", nil, "take mail in by SMTP at this `address` too, such as 127.0.0.1:2525")
	f.BoolVar(&w.System, "system", false, "for the whole machine: /etc/mailcrane/mailcrane.toml and the machine's service")
	f.BoolVar(&w.NoTest, "no-test", false, "send no test message")
	f.StringVar(&w.TestTo, "test-to", "", "send the test message to this `address`, not to yourself")
	f.BoolVar(&w.NoService, "no-service", false, "leave the service alone")
	f.BoolVar(&w.NoLink, "no-link", false, "leave the links of sendmail alone")
}

func (a *app) setup(ctx context.Context, w setupWishes) error {
	ask, err := a.asker(w)
	if err != nil {
		return err
	}
	if w.Password, err = a.givenPassword(w.passwordFile); err != nil {
		return err
	}
	b := *a
	if b.configFile, err = a.setupFile(w.System); err != nil {
		return err
	}
	s := &setup{app: b, system: w.System}
	g := guide.Guide{
		Wishes: w.Wishes, Ask: ask, Out: a.stdout, Getenv: a.getenv, Path: b.configFile,
		Find: func(ctx context.Context, address string, tell func(discover.Step)) (*discover.Result, error) {
			return s.finder(tell).Find(ctx, address)
		},
		Check: s.check, Login: s.login, Test: s.test, Service: s.serve, Link: s.link,
	}
	return g.Run(ctx)
}

// asker is who answers the questions. Without a terminal nobody does, and it is
// said at once what must be said beforehand.
func (a *app) asker(w setupWishes) (guide.Asker, error) {
	file, isFile := a.stdin.(*os.File)
	terminal := isFile && term.IsTerminal(int(file.Fd()))
	switch {
	case w.Yes:
		return guide.Unattended(), nil
	case terminal:
		accessible := w.accessible || a.getenv("ACCESSIBLE") != "" || a.getenv("TERM") == "dumb"
		return guide.Forms{In: file, Out: a.stdout, Accessible: accessible}, nil
	}
	missing := "--yes"
	if w.passwordFile == "" && w.Auth != "none" && w.Secret == "" && w.Issuer == "" {
		missing += " and --password-file FILE"
	}
	if w.Address == "" {
		missing = "the address, " + missing
	}
	return nil, sysexits.Errorf(sysexits.Usage, "type it in a terminal, or add "+missing+"; see: mailcrane setup --help",
		"there is no terminal here to ask questions on")
}

// givenPassword is the first line of the file of --password-file.
func (a *app) givenPassword(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	in := a.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", sysexits.Errorf(sysexits.NoInput, "see who may read it with: ls -l "+file, "cannot read the password: %w", err)
		}
		defer f.Close()
		in = f
	}
	return readPassword(in)
}

// setupFile is the configuration that a set-up writes: the one that is named, or
// the person's own, or the machine's.
func (a *app) setupFile(system bool) (string, error) {
	path := a.configFile
	if path == "" {
		path = a.getenv("MAILCRANE_CONFIG")
	}
	switch {
	case path != "":
	case system:
		path = "/etc/mailcrane/mailcrane.toml"
	default:
		home := config.Home(a.getenv)
		if home == "" {
			return "", sysexits.Errorf(sysexits.Config, "set HOME, or name a file with --config", "there is no place for the configuration: HOME is not set")
		}
		path = filepath.Join(home, ".config/mailcrane/mailcrane.toml")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", sysexits.Errorf(sysexits.OSErr, "", "%w", err)
	}
	return path, nil
}

// quietly is the app without a word, for a step whose result is told otherwise.
func quietly(a app) app {
	a.stdout, a.stderr = io.Discard, io.Discard
	return a
}

// sentence joins what a step says.
func sentence(format string, args ...any) string { return printable(fmt.Sprintf(format, args...)) }
