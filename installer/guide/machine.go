package guide

import (
	"context"
	"os"
	"strings"

	"mailcrane/installer/candidate"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// mayChange refuses a set-up of the whole machine by somebody who may not.
func (g *Guide) mayChange(context.Context) error {
	if !g.System {
		return nil
	}
	if os.Geteuid() > 0 {
		return sysexits.Errorf(sysexits.NoPerm, "sudo mailcrane setup --system", "the machine's mail is set up by root")
	}
	if g.Secret == "" {
		// No service has a session, and so no keyring.
		g.Secret = "file"
	}
	return nil
}

// beside adds what is wished for besides the account, unless it is there.
func (g *Guide) beside(c *candidate.File) error {
	if len(g.Listen) > 0 && len(g.before.ListenMSP) == 0 {
		var words []string
		for _, address := range g.Listen {
			words = append(words, candidate.Quote(address))
		}
		if err := c.Add("", "\n[listen]\nmsp = ["+strings.Join(words, ", ")+"]\n", g.Getenv); err != nil {
			return err
		}
	}
	if !g.System {
		return nil
	}
	return c.AddMachine(g.Address, g.Getenv)
}

// open lets the machine's users and its agent in.
func (g *Guide) open(c *candidate.File, a *config.Account) error {
	if !g.System {
		return nil
	}
	if a.Secret.Kind == "file" && a.Secret.Value == g.passwordFile() {
		return c.LetIn(a.Secret.Value)
	}
	return c.LetIn()
}
