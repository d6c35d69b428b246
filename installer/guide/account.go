package guide

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/publicsuffix"

	"mailcrane/installer/candidate"
	"mailcrane/installer/discover"
	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/smarthost/secret"
)

// standing is the configuration as it is now; one that is not there is empty.
func (g *Guide) standing() (*config.Config, error) {
	d, err := candidate.New(g.Path, nil, "", g.Getenv)
	if err != nil {
		return nil, err
	}
	return d.Config, nil
}

// composeAccount is the account as it is to stand there.
func (g *Guide) composeAccount(ctx context.Context) error {
	a := &config.Account{Name: g.Account, From: []string{g.Address}}
	if g.there != nil {
		copied := *g.there
		a = &copied
	}
	if f := g.found; f != nil {
		a.Smarthost, a.User = f.Server, f.User
		a.OAuth.Issuer = ""
		if f.Login == discover.OAuth && g.Issuer == "" && g.Auth == "" {
			g.Issuer = f.Issuer
		}
	}
	if a.Name == "" {
		a.Name = g.freeName()
	}
	if g.User != "" {
		a.User = g.User
	}
	if g.Auth != "" {
		a.Auth = g.Auth
	}
	if a.Auth == "" {
		a.Auth = "auto"
	}
	if a.Auth == "none" {
		a.User = ""
	}
	g.account = a
	if err := g.wantedSecret(); err != nil {
		return err
	}
	return g.tokens(ctx)
}

// wantedSecret is where --secret says that the password is kept.
func (g *Guide) wantedSecret() error {
	if g.Secret == "" {
		if g.account.Secret.Kind == "" {
			g.account.Secret.Kind = "keyring"
		}
		return nil
	}
	kind, value, _ := strings.Cut(g.Secret, ":")
	if kind == "file" && value == "" {
		value = g.passwordFile()
	}
	switch {
	case kind == "keyring" && value == "", (kind == "file" || kind == "command" || kind == "credential") && value != "":
		g.account.Secret = config.Secret{Kind: kind, Value: value}
		return nil
	}
	return sysexits.Errorf(sysexits.Usage, "write --secret keyring, file, file:PATH, command:LINE or credential:NAME", "--secret %s is none of these", address.Shown(g.Secret))
}

// passwordFile is where a password stands that is kept in a file.
func (g *Guide) passwordFile() string {
	return candidate.PasswordFile(g.Path, g.account.Name)
}

// tokens says with what application the account gets its tokens, where it does.
func (g *Guide) tokens(ctx context.Context) error {
	a := g.account
	if g.Issuer != "" {
		a.OAuth.Issuer = g.Issuer
	}
	if g.ClientID != "" {
		a.OAuth.ClientID = g.ClientID
	}
	if !a.OAuth.Used() || a.OAuth.ClientID != "" {
		return nil
	}
	answer, err := g.Ask.Text(ctx, Question{
		Title: "Client ID of the application that you registered with " + a.OAuth.Issuer,
		Note:  g.provider() + " takes no password of programs, but log-ins in the browser; docs/login.md tells how to register an application.",
		Flag:  "--client-id ID",
		Check: filled("the client ID"),
	})
	a.OAuth.ClientID = strings.TrimSpace(answer)
	return err
}

// provider is its name, or that of its server.
func (g *Guide) provider() string {
	if g.found != nil && g.found.Provider != "" {
		return g.found.Provider
	}
	return g.account.Smarthost.Host
}

// freeName is a name for the account: the registered part of the domain without
// its ending, as in account.example, or with the user before it where that is
// taken.
func (g *Guide) freeName() string {
	local, domain := address.Split(g.Address)
	owned, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(domain))
	if err != nil {
		owned = domain
	}
	name, _, _ := strings.Cut(owned, ".")
	if name = plain(name); name == "" {
		name = "home"
	}
	if g.before.Account(name) == nil {
		return name
	}
	name = plain(local) + "-" + name
	for base, n := name, 2; g.before.Account(name) != nil; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

// plain leaves the characters that the name of an account may have.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, strings.ToLower(text))
	return strings.Trim(text[:min(len(text), 40)], "-_")
}

func filled(what string) func(string) error {
	return func(text string) error {
		if strings.TrimSpace(text) == "" {
			return errors.New(what + " is empty")
		}
		return nil
	}
}

// place settles where the password will be kept before it is asked for: where no
// keyring can be reached, in a file if the person agrees.
func (g *Guide) place(ctx context.Context) error {
	a := g.account
	if a.Auth == "none" || a.Auth == "external" || a.Secret.Kind != "keyring" {
		return nil
	}
	kept := secret.New(a, g.Getenv)
	if a.OAuth.Used() {
		kept = secret.Grant(a, g.Getenv)
	}
	_, err := kept.Read(ctx)
	if err == nil {
		g.inKeyring = true
		return nil
	}
	if !errors.Is(err, secret.ErrNoBus) && !errors.Is(err, secret.ErrNoService) && !errors.Is(err, secret.ErrNoAnswer) {
		return nil
	}
	file := g.passwordFile()
	agreed, askErr := g.Ask.Agree(ctx, Question{
		Title: "Keep the password in the file " + file + "?",
		Note: fmt.Sprintf("%v. In that file only you can read it, but so can root, every program that you start, a backup, and who takes the disk, unless that is encrypted.",
			upper(err.Error())),
		Flag: "--secret file",
	}, !g.Yes)
	switch {
	case askErr != nil:
		return askErr
	case !agreed:
		return err
	}
	a.Secret = config.Secret{Kind: "file", Value: file}
	return nil
}

func upper(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
