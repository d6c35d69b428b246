package mta

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/access"
	"mailcrane/mta/aliases"
	"mailcrane/mta/expand"
	"mailcrane/mta/maps"
	"mailcrane/mta/mx"
	"mailcrane/mta/names"
	"mailcrane/mta/policy"
	"mailcrane/mta/route"
	"mailcrane/mta/safefile"
	"mailcrane/mta/site"
	"mailcrane/queue"
)

// A Routing is how a server finds where mail goes, by one configuration.
type Routing struct {
	config     *config.Config
	classes    *policy.Classes
	Table      *route.Table
	Expander   *expand.Expander
	Names      names.Resolver
	exchangers *mx.Transport
}

// RoutingOptions are what a Routing works with; each that is nil is the real one.
type RoutingOptions struct {
	// Before is the one whose maps are taken over.
	Before  *Routing
	Names   names.Resolver
	Classes *policy.Classes
	Users   aliases.Users
	Access  *access.Map
	// Deferred leaves out the maps that are not asked where mail is taken in, in
	// delivery mode d (their flag -D): who is in one of them is known later.
	Deferred bool
	// Opener opens lists and .forward files with the rights of their users; nil has
	// this process do it.
	Opener aliases.Opener
	Now    func() time.Time
	Log    *slog.Logger
	// Hosts remembers for all processes how each exchanger was; nil is nothing.
	Hosts queue.Hosts
	// Failed is told of each exchanger that could not be used, where another was
	// tried after it.
	Failed func(r queue.Route, fault *queue.RouteFault)
	// Trace is told every line of the sessions with exchangers.
	Trace func(r queue.Route, line string)
}

// NewRouting reads what a configuration says about where mail goes.
func NewRouting(c *config.Config, o RoutingOptions) (*Routing, error) {
	safe, err := trusting(c)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Users == nil {
		o.Users = aliases.SystemUsers{}
	}
	if o.Names == nil {
		if o.Names, err = resolver(c, nil, o.Log); err != nil {
			return nil, err
		}
	}
	if o.Classes == nil {
		o.Classes, err = policy.NewClasses(policy.Parts{Config: c, Hostname: Hostname(c), Addresses: OwnAddresses(), Safe: safe, Now: o.Now, Log: o.Log})
		if err != nil {
			return nil, err
		}
	}
	if path := c.MTA.Map.Access; o.Access == nil && path != "" {
		// An entry that is not known asks for TLS, or forbids it: mail waits then.
		o.Access, err = access.Open(path, safe, howToRead(c), o.Log, o.Now)
		if err != nil {
			o.Log.Warn("the access map cannot be read; mail to exchangers waits until it is mended", "err", err)
		}
	}
	return build(c, safe, o)
}

func build(c *config.Config, safe safefile.Rules, o RoutingOptions) (*Routing, error) {
	parts := route.Parts{Config: c, Classes: o.Classes, Safe: safe, Deferred: o.Deferred, Getenv: os.Getenv, Log: o.Log, Now: o.Now}
	if o.Before != nil {
		parts.Before = o.Before.Table
	}
	table, err := route.New(parts)
	if err != nil {
		return nil, err
	}
	r := &Routing{config: c, classes: o.Classes, Table: table, Names: o.Names}
	r.exchangers = mx.New(mx.Options{
		Config: c, Hello: Hostname(c), Names: o.Names, Now: o.Now, Trace: o.Trace,
		Access: o.Access, Hosts: o.Hosts, Failed: o.Failed, Log: o.Log,
		Ours: func(host string) bool { return o.Classes.Local(host) != "" },
	})
	r.Expander = newExpander(c, safe, table, o)
	return r, nil
}

// Close ends the sessions with exchangers that nobody uses.
func (r *Routing) Close(ctx context.Context) { r.exchangers.Close(ctx) }

// Doors is what a site needs that goes by the routing.
func (r *Routing) Doors() *site.Options { return doors(func() *Routing { return r }) }

// Doors is what a site needs that goes by what the server knows at the time.
func (s *Server) Doors() *site.Options {
	return doors(func() *Routing { return s.rules.Load().routing })
}

func doors(now func() *Routing) *site.Options {
	d := current(now)
	mailer, _, _ := strings.Cut(now().config.MTA.Deliver.Mailer, ":")
	return &site.Options{
		Exchangers: d, Expander: d, Straight: d.Straight, Leaving: rewriter{now, false}, Staying: rewriter{now, true},
		Quick: mailer == "maildir" || mailer == "mbox",
	}
}

// current is the routing of now, which a reload replaces.
type current func() *Routing

// Open implements queue.Transport.
func (now current) Open(ctx context.Context, to queue.Route) (queue.Session, *queue.RouteFault) {
	return now().exchangers.Open(ctx, to)
}

// Expand implements site.Expander.
func (now current) Expand(ctx context.Context, all []expand.Question) ([]expand.Answer, error) {
	return now().Expander.Expand(ctx, all)
}

// A rewriter is that of the routing of now, for mail that stays here or leaves.
type rewriter struct {
	now   func() *Routing
	stays bool
}

// Nothing implements site.Rewriter.
func (r rewriter) Nothing() bool { return r.now().Table.Rewriter(r.stays).Nothing() }

// Reverse implements site.Rewriter.
func (r rewriter) Reverse(ctx context.Context, sender string) (string, error) {
	return r.now().Table.Rewriter(r.stays).Reverse(ctx, sender)
}

// Message implements site.Rewriter.
func (r rewriter) Message(ctx context.Context, message io.Reader) (io.Reader, error) {
	return r.now().Table.Rewriter(r.stays).Message(ctx, message)
}

// Straight is that of the routing.
func (now current) Straight(e *queue.Envelope) (queue.Route, bool) { return now().Straight(e) }

// Straight is the door of a message all of whose recipients leave by the same one,
// as they are: such a message needs no sorting. Who reads the queue asks, for all of
// it, and must not wait: where a map is in a database, all is sorted.
func (r *Routing) Straight(e *queue.Envelope) (queue.Route, bool) {
	const most = 100 // recipients that are looked at each time
	if len(e.To) > most || r.Table.Waits() {
		return "", false
	}
	var door queue.Route
	for _, to := range e.To {
		s, err := r.Table.Next(context.Background(), e.From, to.Address)
		if err != nil || s.Kind != route.Away || s.Address != to.Address || s.Short() {
			return "", false
		}
		next := s.Hop.Route()
		if s.Account != "" {
			next = queue.Route(s.Account)
		}
		if door != "" && door != next {
			return "", false
		}
		door = next
	}
	return door, door != ""
}

// Recipient is the verdict on a recipient for RCPT.
func (r *Routing) Recipient(ctx context.Context, sender, recipient string) policy.Verdict {
	s, err := r.Expander.Known(ctx, sender, recipient)
	switch {
	case errors.Is(err, maps.ErrLater):
		return policy.Verdict{} // the queue run finds out
	case err != nil:
		return policy.Answered(451, "4.3.0", "Temporary system failure. Please try again later.", "")
	case s.Kind == route.Refused:
		return policy.Answered(s.Reply.Code, s.Reply.Enhanced, s.Reply.Text, s.Where)
	}
	return policy.Verdict{}
}
