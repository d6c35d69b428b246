package expand

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mailcrane/mta/aliases"
	"mailcrane/mta/names"
	"mailcrane/mta/route"
	"mailcrane/queue"
)

// A Table says where an address goes next, as *route.Table does.
type Table interface {
	Next(ctx context.Context, sender, recipient string) (route.Step, error)
	Hub(mailbox route.Step) (route.Step, bool)
	Catches() bool
	Unknown(ctx context.Context, mailbox route.Step) route.Step
}

// Aliases are the aliases of a server, as *aliases.Aliases has them. An error is
// temporary.
type Aliases interface {
	// Lookup is the items of a local name, and the key that has them: L+d, L+* or L.
	Lookup(ctx context.Context, user, detail string) (items []aliases.Item, key string, ok bool, err error)
	// Owner is the reverse-path of an alias's members, where owner-NAME is one.
	Owner(ctx context.Context, key string) (owner string, ok bool, err error)
}

// Lists are what an alias includes, and what a user has written, as *aliases.Lists
// reads them. An error that is an *aliases.Fault says what to answer; any other is
// temporary.
type Lists interface {
	ReadInclude(ctx context.Context, path string, as *aliases.User) (*aliases.List, error)
	// Forward is the .forward of a user; false where there is none to go by.
	Forward(ctx context.Context, user aliases.User, letter aliases.Letter) (list *aliases.List, found bool, err error)
}

// Options are what an Expander works with.
type Options struct {
	Table Table
	// Aliases and Lists have nothing where they are nil.
	Aliases Aliases
	Lists   Lists
	Users   aliases.Users
	// Names completes domains without a dot; nil leaves them.
	Names names.Completer
	// Hostname is the server's own name; Admin is whom mail to postmaster goes to
	// where neither an alias nor root has it, "" nobody.
	Hostname, Admin string
	// MaxDepth is how deep aliases may refer to each other; 0 is ten. MeToo has a
	// sender who is on a list get a copy.
	MaxDepth int
	MeToo    bool
	// Most is how many names the recipients of one envelope may come to; 0 is as
	// many as a message may have.
	Most int
}

// An Expander may be used by several goroutines.
type Expander struct{ Options }

// New is an Expander.
func New(o Options) *Expander {
	if o.MaxDepth == 0 {
		o.MaxDepth = 10
	}
	if o.Most == 0 {
		o.Most = queue.MaxRecipients
	}
	if o.Aliases == nil {
		o.Aliases = nothing{}
	}
	if o.Lists == nil {
		o.Lists = nothing{}
	}
	return &Expander{o}
}

// nothing has no alias, and no file.
type nothing struct{}

func (nothing) Lookup(context.Context, string, string) ([]aliases.Item, string, bool, error) {
	return nil, "", false, nil
}

func (nothing) Owner(context.Context, string) (string, bool, error) { return "", false, nil }

func (nothing) ReadInclude(context.Context, string, *aliases.User) (*aliases.List, error) {
	return nil, errors.New("no list can be read here")
}

func (nothing) Forward(context.Context, aliases.User, aliases.Letter) (*aliases.List, bool, error) {
	return nil, false, nil
}

// Expand answers for all recipients of an envelope. Each is followed by itself, and
// none of those that they come to gets the message twice. An error says that it was
// called off.
func (e *Expander) Expand(ctx context.Context, all []Question) ([]Answer, error) {
	answers := make([]Answer, len(all))
	left, over := e.Most, false
	for i, q := range all {
		if over {
			answers[i] = tooMany(q.Recipient.Address, 451, "4.2.4", "so many recipients are delivered in turns, and the others come first")
			continue
		}
		w := &walk{Expander: e, sender: q.Sender, answer: &answers[i], seen: make(map[string]bool), left: left}
		w.recipient(ctx, q.Recipient.Address)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		switch {
		case w.left >= 0:
			left = w.left
		case left == e.Most: // it is too many by itself
			answers[i] = tooMany(q.Recipient.Address, 554, "5.2.4", fmt.Sprintf("it comes to more than %d recipients", e.Most))
		default:
			over = true
			answers[i] = tooMany(q.Recipient.Address, 451, "4.2.4", "so many recipients are delivered in turns, and the others come first")
		}
	}
	for i, q := range all {
		answers[i].grant(q.Recipient)
	}
	share(answers)
	return answers, nil
}

// tooMany is the answer for a recipient that comes to more than is borne.
func tooMany(address string, code int, enhanced, text string) Answer {
	return Answer{
		Destinations: []Destination{{Address: address, Reply: queue.Reply{Code: code, Enhanced: enhanced, Text: text}}},
		Story:        []Line{{Text: text}},
	}
}

// share leaves each destination to one recipient: to the one that names it without
// an alias, whose wishes are its own, else to the first. A recipient that waits
// takes nothing from the others, who go ahead of it.
func share(answers []Answer) {
	taken := make(map[string]bool)
	for _, straight := range [...]bool{true, false} {
		for i := range answers {
			a := &answers[i]
			if a.straight != straight || a.waits() {
				continue
			}
			a.Destinations = slices.DeleteFunc(a.Destinations, func(d Destination) bool {
				key := d.key()
				if key == "" || !taken[key] {
					taken[key] = true
					return false
				}
				a.tell(0, "", "%s gets it for another recipient of the message already", d.shown())
				return true
			})
		}
	}
}

// waits says that a part of it can be answered only later, and so nothing is done
// now.
func (a *Answer) waits() bool {
	return slices.ContainsFunc(a.Destinations, func(d Destination) bool { return d.Reply.Code/100 == 4 })
}
