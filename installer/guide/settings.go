package guide

import (
	"context"
	"strings"

	"mailcrane/installer/discover"
	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// whose gets the address, and what stands in the configuration for it.
func (g *Guide) whose(ctx context.Context) error {
	check := func(text string) error {
		if err := address.Valid(strings.TrimSpace(text)); err != nil || !strings.Contains(text, "@") {
			return sysexits.Errorf(sysexits.Usage, "write it as me@example.org", "%q is no address; write it as me@example.org", address.Shown(text))
		}
		return nil
	}
	if g.Address == "" {
		answer, err := g.Ask.Text(ctx, Question{Title: "Your e-mail address", Flag: "mailcrane setup ADDRESS", Check: check})
		if err != nil {
			return err
		}
		g.Address = answer
	}
	g.Address = strings.TrimSpace(g.Address)
	if err := check(g.Address); err != nil {
		return err
	}
	c, err := g.standing()
	if err != nil {
		return err
	}
	g.before = c
	for _, a := range c.Accounts {
		if g.Account == a.Name || g.Account == "" && strings.EqualFold(a.Address(), g.Address) {
			g.there = a
			break
		}
	}
	return nil
}

// settings are those that were named, those that stand in the configuration, or
// those that are found.
func (g *Guide) settings(ctx context.Context) error {
	switch {
	case g.Smarthost != "":
		server, err := config.ParseSmarthost(g.Smarthost)
		if err != nil {
			return sysexits.Errorf(sysexits.Usage, "for example: --smarthost smtps://smtp.example.org", "--smarthost: %w", err)
		}
		g.found = &discover.Settings{Server: server, User: g.Address, Source: "your own word"}
		return nil
	case g.there != nil:
		g.say("%s is set up already: account %s, by %s. It is gone through once more.", g.Address, g.there.Name, g.there.Smarthost)
		return nil
	}
	g.say("Looking for the settings of %s:", g.Address)
	result, err := g.Find(ctx, g.Address, g.tell)
	if err != nil {
		return err
	}
	if result.Settings == nil {
		return g.unfound(ctx, result)
	}
	g.found = result.Settings
	return g.confirm(ctx)
}

// tell says one step of the search.
func (g *Guide) tell(s discover.Step) {
	word := [...]string{discover.Absent: "no", discover.Found: "found", discover.Unknown: "could not be asked"}[s.Outcome]
	g.say("  %s: %s: %s", s.What, word, s.Detail)
}

// confirm has a person agree to a server that nobody but an unsigned record
// vouches for (RFC 6186 section 6). Without one, a server that many know is
// taken and another is not.
func (g *Guide) confirm(ctx context.Context) error {
	if g.found.Confirm == "" {
		return nil
	}
	agreed, err := g.Ask.Agree(ctx, Question{
		Title: "Send your mail, and log in, by " + g.found.Server.Host + "?",
		Note:  g.found.Confirm,
		Flag:  "--smarthost " + g.found.Server.String(),
	}, g.found.Known() || !g.Yes)
	switch {
	case err != nil:
		return err
	case !agreed:
		return g.askServer(ctx, "")
	}
	return nil
}

// unfound says what was not found and what could not be asked, which are not the
// same, and asks.
func (g *Guide) unfound(ctx context.Context, result *discover.Result) error {
	unasked := result.Unasked()
	switch {
	case result.Closed != "":
		return sysexits.Errorf(sysexits.Unavailable, "use an address of another provider: mailcrane setup ADDRESS", "%s", result.Closed)
	case result.Offline:
		g.say("No name can be looked up now, so nothing is known of %s's settings: there may be no network, or one that wants a log-in on a web page first.", g.Address)
	case len(unasked) > 0:
		g.say("Nothing was found, but not all could be asked; once the network is better, the same command may find more.")
	default:
		g.say("All were asked, and nobody knows of a server for %s; see that the address is right.", g.Address)
	}
	code := ""
	if g.Yes && (result.Offline || len(unasked) > 0) {
		code = "try again when there is a network, or "
	}
	return g.askServer(ctx, code)
}

// askServer asks for the server by hand.
func (g *Guide) askServer(ctx context.Context, orElse string) error {
	answer, err := g.Ask.Text(ctx, Question{
		Title: "Your provider's server for outgoing mail, such as smtp.example.org",
		Note:  "Its help pages have it under SMTP. With smtp:// before it, it is one that wants STARTTLS.",
		Flag:  orElse + "--smarthost smtps://HOST",
		Check: func(text string) error { _, err := config.ParseSmarthost(serverURL(text)); return err },
	})
	if err != nil {
		return err
	}
	server, err := config.ParseSmarthost(serverURL(answer))
	if err != nil {
		return sysexits.Errorf(sysexits.Usage, "", "%w", err)
	}
	g.found = &discover.Settings{Server: server, User: g.Address, Source: "your own word"}
	return nil
}

// serverURL takes a bare name for one with TLS at once; port 587 is STARTTLS's
// (RFC 8314 section 3.3).
func serverURL(text string) string {
	text = strings.TrimSpace(text)
	switch {
	case strings.Contains(text, "://"):
		return text
	case strings.HasSuffix(text, ":587"), strings.HasSuffix(text, ":25"):
		return "smtp://" + text
	}
	return "smtps://" + text
}
