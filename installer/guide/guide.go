// Package guide leads through a set-up: the address, the settings found for it,
// the log-in, the configuration, a test message, the service, the links of
// sendmail. What was done once is not done or asked again, so that a run that
// was broken off is simply repeated.
//
// Nothing is written before the server has taken the log-in, unless there is no
// way to it and the person says to go on.
package guide

import (
	"context"
	"fmt"
	"io"
	"strings"

	"mailcrane/installer/discover"
	"mailcrane/internal/config"
	"mailcrane/internal/visible"
	"mailcrane/queue"
	"mailcrane/smarthost/secret"
)

// Wishes are what was said beforehand. The zero value asks for all there is to
// ask.
type Wishes struct {
	Address string
	Account string // its name in the configuration
	// Smarthost is a URL of the configuration, Auth a mechanism, Secret where
	// the password is kept as the configuration has it.
	Smarthost, User, Auth, Secret string
	// Password was read already; "" asks.
	Password string
	// Issuer and ClientID have the account log in with tokens.
	Issuer, ClientID string
	// TestTo is whom the test message goes to; "" is the address itself.
	TestTo string
	Listen []string
	System bool
	// Yes: nobody is there to ask.
	Yes    bool
	DryRun bool
	NoTest bool
	// NoService and NoLink leave these to the person.
	NoService, NoLink bool
}

// A Guide is one set-up. The functions are the parts of the program that it
// calls.
type Guide struct {
	Wishes

	Ask Asker
	Out io.Writer
	// Getenv is asked for HOME and the session's bus.
	Getenv func(string) string
	// Path is the configuration that is to be written.
	Path string
	// Find searches for the settings of an address, and tells of each step.
	Find func(ctx context.Context, address string, tell func(discover.Step)) (*discover.Result, error)
	// Check logs in at the server of the account; source gives the password, and
	// nil has it come from where the account says.
	Check func(ctx context.Context, c *config.Config, account string, source secret.Source) *queue.RouteFault
	// Login gets tokens for an account that stands in the configuration.
	Login func(ctx context.Context, account *config.Account) error
	// Test sends a message, and says in a sentence what became of it.
	Test func(ctx context.Context, from, to string) (string, error)
	// Service installs and starts the service, and says so in a sentence.
	Service func(ctx context.Context) (string, error)
	// Link gives the names of sendmail to mailcrane, or says how programs are
	// pointed at it.
	Link func(ctx context.Context) (string, error)

	state
}

// state is what is known by now.
type state struct {
	found *discover.Settings
	// account is as it is to be; there says that it stands in the configuration,
	// as the set-up wants it.
	account *config.Account
	there   *config.Account
	// password was taken by the server, or was given without one to ask.
	password string
	// inKeyring says that the password came from there.
	inKeyring bool
	unproven  bool // the log-in could not be tried
	before    *config.Config
	did       []string
	next      []string
}

// Run goes through all steps. Its error is a *sysexits.Error.
func (g *Guide) Run(ctx context.Context) error {
	steps := []func(context.Context) error{g.mayChange, g.whose, g.settings, g.composeAccount}
	if g.DryRun {
		steps = append(steps, g.show)
	} else {
		steps = append(steps, g.place, g.logIn, g.write)
		// The machine's agent is who takes the message in.
		if g.System {
			steps = append(steps, g.serve, g.try)
		} else {
			steps = append(steps, g.try, g.serve)
		}
		steps = append(steps, g.link, g.end)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// say prints a line that is read as a sentence.
func (g *Guide) say(format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		fmt.Fprintln(g.Out, visible.Line(strings.TrimSuffix(line, "\n"), 0))
	}
}

// later keeps what to type for the end.
func (g *Guide) later(format string, args ...any) {
	g.next = append(g.next, fmt.Sprintf(format, args...))
}

// end says what was done, and what comes next.
func (g *Guide) end(context.Context) error {
	fmt.Fprintln(g.Out)
	g.say("Done:")
	for _, what := range g.did {
		g.say("  %s", what)
	}
	if g.unproven {
		g.later("when there is a network, see that the log-in works: mailcrane config check --online")
	}
	g.later("see what is waiting, and why: mailcrane queue")
	g.say("Next:")
	for _, what := range g.next {
		g.say("  %s", what)
	}
	return nil
}
