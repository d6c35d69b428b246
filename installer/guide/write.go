package guide

import (
	"context"

	"github.com/rogpeppe/go-internal/diff"

	"mailcrane/installer/candidate"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// candidate is the configuration with the account in it, on no disk yet.
func (g *Guide) candidate() (*candidate.File, error) {
	var d *candidate.File
	var err error
	if g.there != nil {
		d, err = candidate.Change(g.Path, g.account, g.Getenv)
	} else {
		d, err = candidate.New(g.Path, []*config.Account{g.account}, "", g.Getenv)
	}
	if err != nil {
		return nil, err
	}
	return d, g.beside(d)
}

// nameIn is the account's name in the candidate.
func (g *Guide) nameIn(d *candidate.File) string {
	if name := d.Renamed[g.account.Name]; name != "" {
		return name
	}
	if len(d.Skipped) > 0 {
		return d.Skipped[0]
	}
	return g.account.Name
}

// write keeps password and configuration.
func (g *Guide) write(ctx context.Context) error {
	d, err := g.candidate()
	if err != nil {
		return err
	}
	g.account = d.Config.Account(g.nameIn(d))
	changes := string(d.Before) != string(d.After)
	if g.there != nil && changes {
		g.say("This changes account %s in %s:", g.account.Name, d.Path)
		g.say("%s", diff.Diff(d.Path, d.Before, d.Path+", new", d.After))
		agreed, err := g.Ask.Agree(ctx, Question{Title: "Change it?", Flag: "--yes"}, true)
		if err != nil {
			return err
		}
		if !agreed {
			return sysexits.Errorf(sysexits.TempFail, "set up another account beside it with: mailcrane setup --account NAME", "nothing was changed")
		}
	}
	if err := g.keep(ctx, g.account); err != nil {
		return err
	}
	if changes {
		if err := d.Write(); err != nil {
			return err
		}
		g.did = append(g.did, "account "+g.account.Name+" stands in "+d.Path)
	} else {
		g.did = append(g.did, "account "+g.account.Name+" stood in "+d.Path+" already")
	}
	if err := g.open(d, g.account); err != nil {
		return err
	}
	if g.account.OAuth.Used() {
		return g.browser(ctx)
	}
	return nil
}

// browser logs in where the issuer asks for the password itself.
func (g *Guide) browser(ctx context.Context) error {
	if !g.inKeyring {
		if err := g.Login(ctx, g.account); err != nil {
			return err
		}
	}
	c, err := g.standing()
	if err != nil {
		return err
	}
	if fault := g.Check(ctx, c, g.account.Name, nil); fault != nil {
		return g.unreached(ctx, fault)
	}
	g.say("%s takes the log-in.", g.account.Smarthost.Host)
	return nil
}

// show is the end of a dry run.
func (g *Guide) show(context.Context) error {
	d, err := g.candidate()
	if err != nil {
		return err
	}
	if string(d.Before) == string(d.After) {
		g.say("%s would stay as it is.", d.Path)
		return nil
	}
	g.say("This would be written, and nothing was:")
	g.say("%s", diff.Diff(d.Path, d.Before, d.Path+", new", d.After))
	return nil
}
