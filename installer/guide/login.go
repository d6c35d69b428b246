package guide

import (
	"context"
	"errors"
	"fmt"

	"mailcrane/installer/candidate"
	"mailcrane/installer/discover"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/smarthost/relay"
	"mailcrane/smarthost/secret"
)

// maxTries is how often a password is asked for: providers lock an account that
// hears many wrong ones.
const maxTries = 3

// logIn gets the password, and has the server take it before anything is kept.
func (g *Guide) logIn(ctx context.Context) error {
	a := g.account
	if a.OAuth.Used() {
		return nil // its log-in is in the browser, by what stands in the configuration
	}
	given := g.elsewhere()
	for try := 1; ; try++ {
		if !given {
			if err := g.askPassword(ctx, try); err != nil {
				return err
			}
		}
		fault := g.check(ctx)
		if fault == nil {
			g.say("%s takes the log-in.", a.Smarthost.Host)
			return nil
		}
		if _, refused := errors.AsType[*relay.Refused](fault.Err); !refused {
			return g.unreached(ctx, fault)
		}
		g.say("%s", fault.Sentence())
		if g.Yes || given && !g.inKeyring || try == maxTries {
			return sysexits.Errorf(sysexits.NoPerm, g.passwordHint(), "the server does not take the log-in as %s; nothing was written", a.User)
		}
		given, g.inKeyring, g.password, g.Password = false, false, "", ""
	}
}

// elsewhere says that the password need not be asked for.
func (g *Guide) elsewhere() bool {
	a := g.account
	return a.Auth == "none" || a.Auth == "external" || g.Password == "" && (a.Secret.Kind == "command" || a.Secret.Kind == "credential" || g.inKeyring || g.inFile())
}

// inFile says that the password file that is named is there already.
func (g *Guide) inFile() bool {
	if g.account.Secret.Kind != "file" {
		return false
	}
	_, err := secret.New(g.account, g.Getenv).Read(context.Background())
	return err == nil
}

// askPassword asks, unless the password was given with the command.
func (g *Guide) askPassword(ctx context.Context, try int) error {
	if g.Password != "" {
		g.password = g.Password
		return nil
	}
	title := fmt.Sprintf("Password of %s at %s, which is not shown", g.account.User, g.provider())
	if f := g.found; f != nil && f.Login == discover.AppPassword {
		title = fmt.Sprintf("App password of %s at %s, which is not shown", g.account.User, g.provider())
	}
	note := ""
	if try == 1 {
		note = g.passwordHint()
	}
	answer, err := g.Ask.Secret(ctx, Question{Title: title, Note: note, Flag: "--password-file FILE, or --password-file - to pipe it in", Check: filled("the password")})
	g.password = answer
	return err
}

// passwordHint is what is known of the provider's passwords.
func (g *Guide) passwordHint() string {
	f := g.found
	switch {
	case f != nil && f.Login == discover.AppPassword:
		return fmt.Sprintf("%s wants a password that is made for this program alone; make it at %s", g.provider(), f.Page)
	case f != nil && f.Page != "":
		return fmt.Sprintf("%s may want sending by programs to be switched on first: %s", g.provider(), f.Page)
	}
	return "Some providers want a password that is made for programs: look for app passwords in their settings."
}

// check logs in with what was typed. Where the source of the settings does not
// say what the user name is, it is the address, and then what stands before the
// @ (RFC 6186 section 4).
func (g *Guide) check(ctx context.Context) *queue.RouteFault {
	fault := g.checkAs(ctx)
	if fault == nil || g.found == nil || g.found.OtherUser == "" || g.User != "" {
		return fault
	}
	if _, refused := errors.AsType[*relay.Refused](fault.Err); !refused {
		return fault
	}
	whole := g.account.User
	g.account.User = g.found.OtherUser
	if g.checkAs(ctx) == nil {
		return nil
	}
	g.account.User = whole
	return fault
}

func (g *Guide) checkAs(ctx context.Context) *queue.RouteFault {
	d, err := g.candidate()
	if err != nil {
		return &queue.RouteFault{Step: queue.StepConfig, Err: err, NeedsPerson: true}
	}
	var source secret.Source
	if g.password != "" {
		source = secret.Given(g.password)
	}
	return g.Check(ctx, d.Config, g.nameIn(d), source)
}

// unreached is about a server that could not be asked. What no network mends is
// not passed over, nor another's certificate: it may be a portal's, or that of
// the only server there ever is under a name that was wrong.
func (g *Guide) unreached(ctx context.Context, fault *queue.RouteFault) error {
	g.say("%s", fault.Sentence())
	if fault.NeedsPerson || fault.Step == queue.StepTLS {
		return sysexits.Errorf(sysexits.Unavailable, fault.Hint, "the log-in could not be tried, and nothing was written")
	}
	agreed, err := g.Ask.Agree(ctx, Question{
		Title: "Finish without trying the log-in?",
		Note:  "The server cannot be reached now. Mail is kept until it can, and a wrong password shows then.",
		Flag:  "mailcrane setup, when there is a network",
	}, true)
	switch {
	case err != nil:
		return err
	case !agreed:
		return sysexits.Errorf(sysexits.TempFail, "go on with: mailcrane setup "+g.Address, "the server could not be reached; nothing was written")
	}
	g.unproven = true
	return nil
}

// keep puts the password where the account says that it is.
func (g *Guide) keep(ctx context.Context, a *config.Account) error {
	if g.password == "" {
		return nil
	}
	switch a.Secret.Kind {
	case "keyring":
		if err := secret.Store(ctx, a, g.Getenv, g.password); err != nil {
			return err
		}
		g.did = append(g.did, "the password is in the keyring")
	case "file":
		if err := candidate.WritePassword(a.Secret.Value, g.password); err != nil {
			return err
		}
		g.did = append(g.did, "the password is in "+a.Secret.Value)
	}
	return nil
}
