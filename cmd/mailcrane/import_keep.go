package main

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"

	"mailcrane/installer/candidate"
	"mailcrane/installer/migrate"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/smarthost/secret"
)

// compose puts the new configuration together. Where there is no keyring, passwords
// are to stand in files, whose names are those that the accounts get at last:
// so that is done twice.
func (i *importing) compose(ctx context.Context) error {
	var accounts []*config.Account
	var passwords []migrate.Password
	standard := ""
	for _, f := range i.found {
		for _, account := range f.Accounts {
			if account.Address() == "" {
				return sysexits.Errorf(sysexits.Usage, "say it: mailcrane import --address YOU@EXAMPLE.ORG",
					"%s does not say which address is yours", f.Program)
			}
			accounts, passwords = append(accounts, &account.Account), append(passwords, account.Password)
			if standard == "" && account.Name == f.Default {
				standard = account.Name
			}
		}
	}
	apart(accounts)
	c, err := candidate.New(i.configFile, accounts, standard, i.getenv)
	if err != nil {
		return err
	}
	i.passwords = make(map[string]migrate.Password)
	elsewhere := false
	for n, account := range accounts {
		if c.Added[n] == "" {
			continue // it was there before, and its password with it
		}
		if account.Name == standard {
			standard = c.Added[n]
		}
		account.Name = c.Added[n]
		if !passwords[n].Known() {
			continue
		}
		i.passwords[account.Name] = passwords[n]
		if len(i.passwords) == 1 {
			elsewhere = i.noKeyring(ctx, account)
		}
		if elsewhere {
			account.Secret = config.Secret{Kind: "file", Value: candidate.PasswordFile(c.Path, account.Name)}
		}
	}
	if i.candidate, err = candidate.New(i.configFile, accounts, standard, i.getenv); err != nil || !i.wishes.system || len(accounts) == 0 {
		return err
	}
	return i.candidate.AddMachine(i.wishes.address, i.getenv)
}

// apart gives accounts of two programs names of their own.
func apart(accounts []*config.Account) {
	taken := make(map[string]bool)
	for _, a := range accounts {
		for base := a.Name; taken[a.Name]; {
			base += "-2"
			a.Name = base
		}
		taken[a.Name] = true
	}
}

// noKeyring says that passwords go to files: there is no keyring, or a person
// wants it so.
func (i *importing) noKeyring(ctx context.Context, account *config.Account) bool {
	switch {
	case i.wishes.system, i.wishes.secret == "file":
		return true
	case i.wishes.secret == "keyring":
		return false
	}
	probe := *account
	probe.Secret = config.Secret{Kind: "keyring"}
	_, err := secret.New(&probe, i.getenv).Read(ctx)
	return errors.Is(err, secret.ErrNoBus) || errors.Is(err, secret.ErrNoService) || errors.Is(err, secret.ErrNoAnswer)
}

// write keeps the passwords, then the configuration that says where they are.
func (i *importing) write(ctx context.Context) error {
	if i.candidate == nil {
		return nil
	}
	var files []string
	for _, name := range slices.Sorted(maps.Keys(i.passwords)) {
		password := i.passwords[name]
		account := i.candidate.Config.Account(name)
		switch account.Secret.Kind {
		case "keyring":
			if err := secret.Store(ctx, account, i.getenv, password.Reveal()); err != nil {
				return sysexits.Errorf(sysexits.Code(err), "unlock it and type the same again, or have the passwords in files that only you can read: add --secret file",
					"%w; %s is not written", err, i.candidate.Path)
			}
			i.say("The password of account %s is in the keyring.", name)
		case "file":
			if err := candidate.WritePassword(account.Secret.Value, password.Reveal()); err != nil {
				return err
			}
			files = append(files, account.Secret.Value)
			i.say("The password of account %s is in %s, which only its owner can read.", name, account.Secret.Value)
		}
	}
	if string(i.candidate.Before) == string(i.candidate.After) {
		return nil
	}
	if err := i.candidate.Write(); err != nil {
		return err
	}
	if i.wishes.system {
		if err := i.candidate.LetIn(files...); err != nil {
			return err
		}
	}
	i.say("%s is written. Try the log-in with: mailcrane config check --online", filepath.Clean(i.candidate.Path))
	return nil
}
