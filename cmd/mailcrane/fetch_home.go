package main

import (
	"log/slog"
	"os/user"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/mta"
	"mailcrane/mta/route"
	"mailcrane/mta/site"
	"mailcrane/queue"
)

// home has the runner of a machine that is no server, and fetches mail, deliver it
// to the mailbox of its user.
func (a *app) home(runner *queue.Runner, c *config.Config, log *slog.Logger) error {
	if len(c.Fetching()) == 0 {
		return nil
	}
	agent, err := a.deliverer(c, log)
	if err != nil {
		return err
	}
	s := site.New(site.Options{
		Hostname: mta.Hostname(c), Now: runner.Now, Spool: runner.Spool, Agent: agent,
		Accounts: accountsWay{runner.Router, runner.Transport},
	})
	runner.Router, runner.Transport, runner.Reach = homeward{runner.Router}, s, doorReach{runner.Reach}
	runner.HostOf, runner.Dial = hostOfDoor(runner.HostOf), site.Dial(runner.Dial, c.ExpensiveHost)
	return nil
}

// homeward is the router of a machine that has no door but its mailbox.
type homeward struct{ queue.Router }

// Route is the mailbox for what was fetched, and an account for all else.
func (h homeward) Route(e *queue.Envelope) (queue.Route, error) {
	if r := queue.Route(e.Account); site.IsDoor(r) {
		return r, nil
	}
	return h.Router.Route(e)
}

// placer says where fetched mail goes: on a server where its recipients are, and to
// the mailbox of who runs the program on any other machine.
func placer(c *config.Config) (func(*queue.Envelope), error) {
	if len(c.MTA.Listeners) > 0 {
		return nil, nil //nolint:nilnil // nil leaves it to sorting
	}
	who, err := user.Current()
	if err != nil {
		return nil, sysexits.Errorf(sysexits.OSErr, "", "fetched mail would go to the mailbox of who runs this, of whom the system does not know: %w", err)
	}
	if who.Uid == "0" {
		return nil, sysexits.Errorf(sysexits.Config, "run it as the user whose mail it is, or have [mta] take the mail in: docs/dial-up.md", "root has no mailbox for fetched mail")
	}
	return func(e *queue.Envelope) {
		e.Account = string(route.Hop{Mailer: route.Local}.Route())
		for i := range e.To {
			e.To[i].Target = site.MailboxOf(who.Username, "")
		}
	}, nil
}
