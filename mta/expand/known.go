package expand

import (
	"context"
	"strings"

	"mailcrane/mta/route"
)

// Known says, for RCPT, whether there is such a recipient: a Step that is Refused
// says why not. It expands nothing, reads no list and no .forward, so that a list of
// thousands is answered at once. An error is temporary.
func (e *Expander) Known(ctx context.Context, sender, recipient string) (route.Step, error) {
	for range e.MaxDepth {
		s, err := e.Table.Next(ctx, sender, recipient)
		if err != nil || s.Kind != route.Again && s.Kind != route.Mailbox {
			return s, err
		}
		if s.Kind == route.Mailbox {
			return e.knownName(ctx, s)
		}
		recipient = s.Address
	}
	return route.Step{Kind: route.Refused, Reply: loops()}, nil
}

func (e *Expander) knownName(ctx context.Context, s route.Step) (route.Step, error) {
	if _, _, ok, err := e.Aliases.Lookup(ctx, s.User, s.Detail); ok || err != nil {
		return s, err
	}
	if hub, ok := e.Table.Hub(s); ok {
		return hub, nil
	}
	w := &walk{Expander: e}
	if _, ok, err := w.user(ctx, &s); ok || err != nil {
		return s, err
	}
	switch strings.ToLower(s.User) {
	case "postmaster", "mailer-daemon":
		return s, nil
	}
	return e.Table.Unknown(ctx, s), nil
}
