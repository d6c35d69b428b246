package expand

import (
	"context"
	"strings"

	"mailcrane/mta/route"
	"mailcrane/queue"
)

// Known says, for RCPT, whether there is such a recipient: a Step that is Refused
// says why not. It expands nothing, reads no list and no .forward, so that a list of
// thousands is answered at once. An error is temporary.
func (e *Expander) Known(ctx context.Context, sender, recipient string) (route.Step, error) {
	name, bare := strings.CutPrefix(recipient, `\`)
	for range mostTurns {
		s, err := e.Table.Next(ctx, sender, name)
		if err != nil || s.Kind != route.Again && s.Kind != route.Mailbox {
			return s, err
		}
		if s.Kind == route.Mailbox {
			return e.knownName(ctx, s, bare)
		}
		name, bare = s.Address, false
	}
	return route.Step{Kind: route.Refused, Reply: loops("")}, nil
}

func (e *Expander) knownName(ctx context.Context, s route.Step, bare bool) (route.Step, error) {
	if what := forbidden(s.User); what != "" {
		return route.Step{Kind: route.Refused, Reply: direct(what)}, nil
	}
	if !bare {
		if _, _, ok, err := e.Aliases.Lookup(ctx, s.User, s.Detail); ok || err != nil {
			return s, err
		}
		if hub, ok, err := e.hub(s); ok || err != nil {
			return hub, err
		}
	}
	if _, ok, err := e.user(&s); ok || err != nil {
		return s, err
	}
	switch {
	case bare:
		return nobodyAtAll(), nil
	case e.standIn(s.User) != "":
		return s, nil
	}
	return e.Table.Unknown(ctx, s), nil
}

// direct refuses what only an alias, a list or a .forward may name.
func direct(what string) queue.Reply {
	return queue.Reply{Code: 550, Enhanced: "5.7.1", Text: "Cannot mail directly to " + what}
}

// nobodyAtAll is the step to a name that has to be a user's, and is none.
func nobodyAtAll() route.Step {
	return route.Step{Kind: route.Refused, Reply: queue.Reply{Code: 550, Enhanced: "5.1.1", Text: "User unknown"}}
}
