// Package turn sends mail to peers that dial in: one that has logged in says ATRN
// (RFC 2645), the connection is turned round, and what waits for its domains goes
// over it.
package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/mta/route"
	"mailcrane/queue"
)

// Options are what a Desk works with.
type Options struct {
	// Spool is where the mail waits, Hostname our name in EHLO.
	Spool    *queue.Spool
	Hostname string
	// Timeouts are those of a client of SMTP: by them a peer that says nothing is
	// left.
	Timeouts config.Timeout
	Now      func() time.Time
	Log      *slog.Logger
}

// A Desk turns connections round, one at a time for each domain.
type Desk struct {
	Options
	runner atomic.Pointer[queue.Runner]

	mu    sync.Mutex
	under map[string]bool // the domains whose mail is being fetched
}

// New is a Desk, which refuses for the moment until Begin.
func New(o Options) *Desk { return &Desk{Options: o, under: make(map[string]bool)} }

// Begin has the queue runs made as that runner makes its own, by the same rules and
// locks.
func (d *Desk) Begin(r queue.Runner) { d.runner.Store(&r) }

func refusal(code int, status smtp.EnhancedCode, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: status, Message: text}
}

// Ask answers ATRN for a client that may fetch the allowed domains. Without an
// error, run must be called, with a nil conn where the client has gone; it returns
// when all that waited was sent, or the client has left. The replies are those of
// RFC 2645 section 5.2.
func (d *Desk) Ask(user string, allowed []string, text string) (run func(context.Context, net.Conn), err error) {
	domains, err := Domains(text)
	if err != nil {
		return nil, refusal(501, smtp.EnhancedCode{5, 5, 4}, "Bad argument to ATRN: "+err.Error())
	}
	if len(domains) == 0 {
		domains = allowed
	}
	for _, domain := range domains {
		// All or none: a client that gets a part of what it has asked for would not
		// know of which.
		if !slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, domain) }) {
			return nil, refusal(450, smtp.EnhancedCode{4, 7, 1}, "ATRN request refused: "+domain+" is not yours to fetch")
		}
	}
	if len(domains) == 0 {
		return nil, refusal(450, smtp.EnhancedCode{4, 7, 1}, "ATRN request refused: there is no domain that you may fetch")
	}
	runner := d.runner.Load()
	if runner == nil {
		return nil, refusal(451, smtp.EnhancedCode{4, 3, 2}, "Unable to process ATRN request now")
	}
	of := peer{user: user, domains: domains, doors: runner.Router}
	if !d.enter(domains) {
		return nil, refusal(451, smtp.EnhancedCode{4, 3, 2}, "Unable to process ATRN request now: this mail is being fetched already")
	}
	n, err := d.Spool.WaitingFor(of.wants, d.Now(), 1)
	if err == nil && n == 0 {
		err = refusal(453, smtp.EnhancedCode{4, 3, 0}, "You have no mail")
	}
	if err != nil {
		d.leave(domains)
		return nil, err
	}
	return func(ctx context.Context, conn net.Conn) {
		defer d.leave(domains)
		if conn != nil {
			d.send(ctx, of, conn)
		}
	}, nil
}

// enter marks the domains as being fetched, unless one of them is.
func (d *Desk) enter(domains []string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, domain := range domains {
		if d.under[strings.ToLower(domain)] {
			return false
		}
	}
	for _, domain := range domains {
		d.under[strings.ToLower(domain)] = true
	}
	return true
}

func (d *Desk) leave(domains []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, domain := range domains {
		delete(d.under, strings.ToLower(domain))
	}
}

// A peer is who fetches, and what.
type peer struct {
	user    string
	domains []string
	doors   queue.Router // says by which door a message leaves
}

// has says that the mail of a recipient is the peer's: by its domain, exactly. What
// an address asks others to relay (x%far@ours) is in the domain that it is in.
func (p peer) has(to queue.Recipient) bool {
	domain := address.Domain(to.Address)
	return slices.ContainsFunc(p.domains, func(own string) bool { return strings.EqualFold(own, domain) })
}

// wants says that the message leaves by SMTP to the peer: not what is for this
// machine, nor what an account carries, nor what is still to be sorted.
func (p peer) wants(e queue.Entry) bool {
	for i, to := range e.Envelope.To {
		if !e.Results[i].Done() && p.has(to) {
			r, err := p.doors.Route(e.Envelope)
			hop, door := route.Of(r)
			return err == nil && door && hop.Wire()
		}
	}
	return false
}

// send makes a queue run of which all mail goes over conn.
func (d *Desk) send(ctx context.Context, to peer, conn net.Conn) {
	log := d.Log.With("user", to.user, "domains", strings.Join(to.domains, ","), "from", fmt.Sprint(conn.RemoteAddr()))
	l, fault := d.open(ctx, to, conn)
	if fault != nil {
		log.Warn("a connection was turned round, and its other end takes no mail", "err", fault.Sentence())
		return
	}
	log.Info("the connection is turned round")
	r := *d.runner.Load()
	r.Router, r.Transport, r.Reach = router{r.Router, to.route()}, l, always{}
	r.Sessions, r.Dial, r.HostOf = func(queue.Route) int { return 1 }, nil, nil
	r.Hosts, r.Stirs, r.Naps = nil, nil, nil
	sum, err := r.Run(ctx, queue.Run{Want: to.wants, Only: to.has})
	l.hangUp(ctx)
	if err != nil && !errors.Is(err, context.Canceled) {
		log.Warn("the queue run of a turned connection ended early", "err", err)
	}
	log.Info("the turned connection is over", "sent", sum.Delivered, "left", sum.Waiting)
}
