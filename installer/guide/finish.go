package guide

import (
	"context"

	"mailcrane/internal/sysexits"
)

// try sends a message the way that all mail will go.
func (g *Guide) try(ctx context.Context) error {
	if g.NoTest {
		return nil
	}
	to := g.TestTo
	if to == "" {
		to = g.Address
	}
	g.say("Sending a test message to %s.", to)
	said, err := g.Test(ctx, g.Address, to)
	if err != nil {
		return err
	}
	g.did = append(g.did, said)
	return nil
}

// serve and link are the system's part: that they do not work takes nothing back
// of what was set up.
func (g *Guide) serve(ctx context.Context) error {
	if g.NoService {
		if g.System {
			g.later("have the agent started with the machine: sudo mailcrane service install --system && sudo mailcrane service start --system")
		} else {
			g.later("have the agent started with your session: mailcrane service install && mailcrane service start")
		}
		return nil
	}
	g.tryTo(ctx, g.Service)
	return nil
}

func (g *Guide) link(ctx context.Context) error {
	if !g.NoLink {
		g.tryTo(ctx, g.Link)
	}
	return nil
}

func (g *Guide) tryTo(ctx context.Context, do func(context.Context) (string, error)) {
	said, err := do(ctx)
	if err != nil {
		g.say("%v", err)
		if hint := sysexits.Hint(err); hint != "" {
			g.later("%s", hint)
		}
		return
	}
	if said != "" {
		g.did = append(g.did, said)
	}
}
