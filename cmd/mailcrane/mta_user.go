package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/mta/auth"
	"mailcrane/smarthost/secret"
)

// mtaUserCommand is for those who may log in to the server.
func (a *app) mtaUserCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "user", Short: "Those who may log in to the server: add, remove, list",
		Long: `user keeps the file of mta.users.file: who may log in to the server and send mail
through it. Passwords are kept as argon2id and as the keys of SCRAM-SHA-256, never
as they are. A running server goes by the file as it is: there is nothing to restart.`,
		Example: "  mailcrane mta user add ann@example.org\n  mailcrane mta user list",
		Args:    args(cobra.NoArgs),
	}
	c.AddCommand(
		&cobra.Command{
			Use: "add NAME", Short: "Add a user, or give one a new password",
			Long: `add asks for the password twice, without showing it; where there is no terminal it
reads one line of standard input.`,
			Example: "  mailcrane mta user add ann@example.org\n  pass show mail/ann | mailcrane mta user add ann@example.org",
			Args:    args(cobra.ExactArgs(1)),
			RunE:    func(cmd *cobra.Command, words []string) error { return a.addUser(cmd.Context(), words[0]) },
		},
		&cobra.Command{
			Use: "remove NAME", Short: "Remove a user, who cannot log in any more",
			Example: "  mailcrane mta user remove ann@example.org",
			Args:    args(cobra.ExactArgs(1)),
			RunE:    func(_ *cobra.Command, words []string) error { return a.removeUser(words[0]) },
		},
		&cobra.Command{
			Use: "list", Short: "Show who may log in, and by what",
			Example: "  mailcrane mta user list",
			Args:    args(cobra.NoArgs),
			RunE:    func(*cobra.Command, []string) error { return a.listUsers() },
		},
	)
	return c
}

// usersFile is the configuration, which must name a file of users.
func (a *app) usersFile() (*config.Config, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	switch users := &c.MTA.Users; {
	case users.File != "":
		return c, nil
	case users.Dovecot != "":
		return nil, sysexits.Errorf(sysexits.Config, "add the user there, for example with: doveadm pw", "Dovecot knows the users of this server, at %s", users.Dovecot)
	}
	return nil, sysexits.Errorf(sysexits.Config, "for example: [mta.users] file = \"/etc/mailcrane/users\"", "the configuration names no file of users")
}

func (a *app) addUser(ctx context.Context, name string) error {
	c, err := a.usersFile()
	if err != nil {
		return err
	}
	password, err := a.newPassword(ctx, name)
	if err != nil {
		return err
	}
	known := false
	err = changeUsers(c, func(text string) (string, error) {
		if _, err := auth.List(c.MTA.Users.File, text); err != nil {
			return "", err
		}
		_, known = auth.Without(text, name)
		return auth.With(text, name, password)
	})
	if err != nil {
		return sysexits.Errorf(sysexits.DataErr, sysexits.Hint(err), "user %s was not added: %w", name, err)
	}
	if known {
		fmt.Fprintf(a.stdout, "%s has a new password, by which to log in from now on\n", name)
		return nil
	}
	fmt.Fprintf(a.stdout, "%s may log in, with PLAIN, LOGIN and SCRAM-SHA-256\n", name)
	return nil
}

// newPassword is typed twice: nobody sees what is typed.
func (a *app) newPassword(ctx context.Context, name string) (string, error) {
	password, err := a.askSecret(ctx, "password", "new password of "+name)
	if file, ok := a.stdin.(*os.File); err != nil || !ok || !term.IsTerminal(int(file.Fd())) {
		return password, err
	}
	again, err := a.askSecret(ctx, "password", "once more")
	if err == nil && again != password {
		err = sysexits.Errorf(sysexits.DataErr, "type it again", "nothing was changed: the two passwords are not the same")
	}
	return password, err
}

func (a *app) removeUser(name string) error {
	c, err := a.usersFile()
	if err != nil {
		return err
	}
	found := false
	err = changeUsers(c, func(text string) (rest string, err error) {
		if rest, found = auth.Without(text, name); !found {
			err = sysexits.Errorf(sysexits.NoUser, "see who there is: mailcrane mta user list", "there is no user %s in %s", name, c.MTA.Users.File)
		}
		return rest, err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s cannot log in any more\n", name)
	return nil
}

func (a *app) listUsers() error {
	c, err := a.usersFile()
	if err != nil {
		return err
	}
	text, err := usersText(c.MTA.Users.File)
	if err != nil {
		return err
	}
	list, err := auth.List(c.MTA.Users.File, text)
	if err != nil {
		return sysexits.Errorf(sysexits.DataErr, "mend the line, or write the user anew with: mailcrane mta user add NAME", "%w", err)
	}
	for _, u := range list {
		fmt.Fprintf(a.stdout, "%-32s %s\n", u.Name, strings.Join(u.Ways, ", "))
	}
	if len(list) == 0 {
		fmt.Fprintln(a.stderr, "nobody may log in yet; add somebody with: mailcrane mta user add NAME")
	}
	return nil
}

// changeUsers writes the file anew; two at a time wait for each other.
func changeUsers(c *config.Config, change func(text string) (string, error)) error {
	path := c.MTA.Users.File
	lock := flock.New(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock"), flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		return sysexits.Errorf(sysexits.CantCreat, "make the directory, or run this as its owner", "%s cannot be changed: %w", path, err)
	}
	defer lock.Unlock() //nolint:errcheck // it ends with the process
	text, err := usersText(path)
	if err != nil {
		return err
	}
	changed, err := change(text)
	if err != nil {
		return err
	}
	if err := secret.Replace(path, changed); err != nil {
		return sysexits.Errorf(sysexits.CantCreat, "run this as the owner of the directory", "%s was not changed: %w", path, err)
	}
	return giveTo(c.MTA.RunAs, path)
}

// giveTo lets the user that the server becomes read what root has written.
func giveTo(runAs, path string) error {
	name, _, _ := strings.Cut(runAs, ":")
	if name == "" || os.Geteuid() != 0 {
		return nil
	}
	uid, err := strconv.Atoi(name)
	if err != nil {
		known, err := user.Lookup(name)
		if err != nil {
			return sysexits.Errorf(sysexits.NoUser, "make the user, or set run_as in [mta]", "the server is to become %s: %w", name, err)
		}
		if uid, err = strconv.Atoi(known.Uid); err != nil {
			return nil // a system without numbers
		}
	}
	return os.Chown(path, uid, -1)
}

// usersText is what stands in the file; one that is not there is empty.
func usersText(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", sysexits.Errorf(sysexits.NoInput, "run this as its owner", "the file of users cannot be read: %w", err)
	}
	return string(text), nil
}
