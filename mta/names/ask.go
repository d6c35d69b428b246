package names

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"mailcrane/queue"
)

// errNoAnswer is a server's that has not answered in its time.
var errNoAnswer = errors.New("no answer")

// A flight is a question that is on its way, for all who want to know.
type flight struct {
	done   chan struct{} // closed when found is set
	found  found
	cancel context.CancelFunc
	// waiting counts those who want to know; it is the DNS's lock's.
	waiting int
}

// flightKey is a question, and with how much patience it is asked.
type flightKey struct {
	question
	first bool
}

// look is the answer to a question, from the cache or from the name servers.
func (d *DNS) look(ctx context.Context, q question) found {
	d.mu.Lock()
	if f, ok := d.cache.get(q, d.now()); ok {
		d.mu.Unlock()
		return f
	}
	key := flightKey{q, queue.IsFirstTry(ctx)}
	f := d.flights[key]
	if f == nil {
		// It goes on while anybody waits, not only who came first.
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f = &flight{done: make(chan struct{}), cancel: cancel}
		d.flights[key] = f
		go d.fly(own, key, f)
	}
	f.waiting++
	d.mu.Unlock()
	select {
	case <-f.done:
		return f.found
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		f.cancel()
		d.landed(key, f)
	}
	return found{err: fmt.Errorf("%s is not known: %w", q, ctx.Err())}
}

func (d *DNS) fly(ctx context.Context, key flightKey, f *flight) {
	f.found = d.resolve(ctx, key.question)
	wanted := ctx.Err() == nil // else it is not the name service that has failed
	f.cancel()
	d.mu.Lock()
	if wanted {
		d.cache.put(key.question, f.found, d.now())
	}
	d.landed(key, f)
	d.mu.Unlock()
	close(f.done)
}

// landed forgets a flight; the lock is held.
func (d *DNS) landed(key flightKey, f *flight) {
	if d.flights[key] == f {
		delete(d.flights, key)
	}
}

// resolve asks, and follows a chain of aliases that a server leaves to us.
func (d *DNS) resolve(ctx context.Context, q question) found {
	ctx, leave, err := d.place(ctx)
	if err != nil {
		return found{err: err}
	}
	defer leave()
	all := found{hold: mostHold}
	for name := q.name; ; {
		m, err := d.ask(ctx, question{name, q.kind})
		if err != nil && errors.Is(context.Cause(ctx), errCrowded) {
			err = errCrowded
		}
		if err != nil {
			return found{err: fmt.Errorf("%s is not known: %w", q, err), hold: failureHold}
		}
		next, err := all.read(m, name, q.kind)
		if err != nil {
			return found{err: fmt.Errorf("%s is not known: %w", q, err), hold: failureHold}
		}
		if next == "" {
			return all
		}
		name = next
	}
}

// errCrowded is a question that took long when too many did.
var errCrowded = errors.New("too many questions are not answered")

// place waits for a place among the questions on their way. One that takes long
// goes over to the slow ones, or ends: asking is ended by the context.
func (d *DNS) place(ctx context.Context) (within context.Context, leave func(), err error) {
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	within, end := context.WithCancelCause(ctx)
	held := d.slots // the timer's, and leave's once that has stopped or run
	moved := make(chan struct{})
	timer := time.AfterFunc(slowAfter, func() {
		defer close(moved)
		select {
		case d.slow <- struct{}{}:
			<-held
			held = d.slow
		default:
			end(errCrowded)
		}
	})
	return within, func() {
		if !timer.Stop() {
			<-moved
		}
		<-held
		end(nil)
	}, nil
}

// ask asks one server after the other, as often as is set. One that has
// answered that it cannot tell, or cannot be reached, is not asked again.
func (d *DNS) ask(ctx context.Context, q question) (*dns.Msg, error) {
	servers, retrans, retry := d.plan(queue.IsFirstTry(ctx))
	var last error
	for range retry {
		silent := servers[:0:0]
		for _, server := range servers {
			m, err := d.exchange(ctx, server, q, retrans)
			if err == nil {
				return m, nil
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if errors.Is(err, errNoAnswer) {
				silent = append(silent, server)
			}
			last = fmt.Errorf("name server %s: %w", server, err)
		}
		if servers = silent; len(servers) == 0 {
			break
		}
	}
	return nil, last
}

// plan is whom to ask, how long to wait for each, and how often.
func (d *DNS) plan(first bool) (servers []netip.AddrPort, retrans time.Duration, retry int) {
	conf := d.conf()
	servers = d.options.Servers
	if len(servers) == 0 {
		for _, addr := range conf.Servers {
			servers = append(servers, netip.AddrPortFrom(addr, port))
		}
	}
	if len(servers) == 0 {
		// resolv.conf(5): the one of this machine.
		servers = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)}
	}
	if d.options.Flags.First {
		servers = servers[:1]
	}
	retrans, retry = d.options.Retrans, d.options.Retry
	if first {
		retrans, retry = cmp.Or(d.options.RetransFirst, retrans), cmp.Or(d.options.RetryFirst, retry)
	}
	return servers, cmp.Or(retrans, conf.Timeout, usualRetrans), cmp.Or(retry, conf.Attempts, usualRetry)
}
