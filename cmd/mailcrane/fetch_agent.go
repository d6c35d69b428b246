package main

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/smarthost"
)

// A pickup fetches mail for as long as the agent runs: when it begins, when there is
// a way out again, at each queue run, and when a person asks for one. It asks no
// server in between, but for one that could not be reached.
type pickup struct {
	accounts []*config.Account
	by       func(ctx context.Context, account *config.Account) (fetchResult, error)
	tries    func(queue.Route) bool // whether there is a way out
	dial     func(*config.Account) config.Dial
	interval time.Duration // of the queue runs, 0 for none
	log      *slog.Logger
	// changes tell that tries may say something else, and pokes that a person wants
	// a queue run.
	changes, pokes chan struct{}
}

// The pauses after which a server is asked again that could not be reached.
const (
	leastFetchPause = time.Minute
	mostFetchPause  = time.Hour
)

// pickup is that of the agent; nil where nothing is fetched.
func (a *app) pickup(c *config.Config, out *smarthost.Transport, log *slog.Logger) (*pickup, error) {
	accounts := c.Fetching()
	if len(accounts) == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	f, err := a.fetcher(c, out, log)
	if err != nil {
		return nil, err
	}
	return &pickup{
		accounts: accounts, by: f.by, dial: c.Dial, interval: c.Queue.Interval, log: log,
		changes: make(chan struct{}, 1), pokes: make(chan struct{}, 1),
	}, nil
}

// hears has the pickup hear of the changes of a reach, as well as who uses the one
// returned.
func (p *pickup) hears(ctx context.Context, reach queue.Reach) queue.Reach {
	if p == nil {
		return reach
	}
	p.tries = func(r queue.Route) bool { return reach.Verdict(r).Try }
	passed := passedReach{reach, make(chan struct{}, 1)}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-reach.Changes():
				ring(passed.changes)
				ring(p.changes)
			}
		}
	}()
	return passed
}

// A passedReach is a Reach whose changes others hear of too.
type passedReach struct {
	queue.Reach
	changes chan struct{}
}

// Changes delivers what the Reach has delivered.
func (r passedReach) Changes() <-chan struct{} { return r.changes }

// poke has mail fetched as by a queue run.
func (p *pickup) poke() {
	if p != nil {
		ring(p.pokes)
	}
}

// A fetchStanding is how it stands with one account.
type fetchStanding struct {
	up bool // there was a way out
	// busy: its server is being asked. run: a queue run has come meanwhile.
	busy, run bool
	// failed: the last try did, and is to be made again at again; zero for never by
	// itself.
	failed bool
	pause  time.Duration
	again  time.Time
}

// A fetchEnd is the end of one fetch.
type fetchEnd struct {
	account *config.Account
	err     error
}

// serve fetches until ctx is done, by all accounts at once: a server that says
// nothing for an hour keeps nobody from the mail at another.
func (p *pickup) serve(ctx context.Context) {
	var ticks <-chan time.Time
	if p.interval > 0 {
		ticker := time.NewTicker(p.interval)
		defer ticker.Stop()
		ticks = ticker.C
	}
	stands := make(map[*config.Account]*fetchStanding)
	for _, account := range p.accounts {
		stands[account] = &fetchStanding{}
	}
	var all sync.WaitGroup
	defer all.Wait()
	ended := make(chan fetchEnd, len(p.accounts))
	for run := true; ; {
		for _, account := range p.accounts {
			s := stands[account]
			s.run = s.run || run
			if s.busy {
				continue
			}
			if s.busy = p.due(s, account, s.run); s.busy {
				all.Go(func() { ended <- fetchEnd{account, p.fetch(ctx, account)} })
			}
			s.run = false
		}
		run = false
		retry := time.NewTimer(p.untilAgain(stands))
		select {
		case <-ctx.Done():
			retry.Stop()
			return
		case end := <-ended:
			s := stands[end.account]
			s.busy = false
			p.settle(ctx, s, end)
		case <-p.changes:
		case <-retry.C:
		case <-p.pokes:
			run = true
		case <-ticks:
			run = true
		}
		retry.Stop()
	}
}

// due says that mail is to be fetched by the account now. run is that of a queue
// run, which alone calls what is expensive.
func (p *pickup) due(s *fetchStanding, account *config.Account, run bool) bool {
	was := s.up
	s.up = p.tries(queue.Route(account.Name))
	switch {
	case !s.up:
		return false
	case p.dial(account) == config.DialOnDemand:
		return false
	case run:
		return true
	case p.dial(account) == config.DialByRun:
		return false
	}
	return !was || s.failed && !s.again.IsZero() && !time.Now().Before(s.again)
}

// untilAgain is how long it is until a server is asked again.
func (p *pickup) untilAgain(stands map[*config.Account]*fetchStanding) time.Duration {
	least := mostFetchPause * 24 // as good as never
	for _, s := range stands {
		if s.failed && s.up && !s.busy && !s.again.IsZero() {
			least = min(least, max(0, time.Until(s.again)))
		}
	}
	return least
}

// fetch fetches by the account, and logs what has come.
func (p *pickup) fetch(ctx context.Context, account *config.Account) error {
	got, err := p.by(ctx, account)
	for _, one := range got.messages {
		p.log.Info("fetched", "id", one.ID, "from", one.From, "to", strings.Join(one.To, ","), "size", one.Octets, "account", account.Name, "server", account.FetchesFrom().Addr())
	}
	return err
}

// settle notes how a fetch went, and when the server is asked again.
func (p *pickup) settle(ctx context.Context, s *fetchStanding, end fetchEnd) {
	s.failed = end.err != nil
	if !s.failed {
		s.pause, s.again = 0, time.Time{}
		return
	}
	if ctx.Err() != nil {
		return
	}
	p.log.Warn("mail could not be fetched", "account", end.account.Name, "err", end.err, "next", sysexits.Hint(end.err))
	s.again = time.Time{}
	if sysexits.Code(end.err) == sysexits.TempFail && p.dial(end.account) == config.DialFreely {
		s.pause = min(max(2*s.pause, leastFetchPause), mostFetchPause)
		s.again = time.Now().Add(s.pause)
	}
}
