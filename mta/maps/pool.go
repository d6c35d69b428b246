package maps

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"mailcrane/internal/logbook"
	"mailcrane/internal/visible"
)

const (
	// mostAtOnce bounds the questions to one database, and with them its
	// connections.
	mostAtOnce = 4
	// restFor is how long a database that has failed is not asked again.
	restFor = 5 * time.Second
	// idleFor is how long a connection is kept that nobody uses.
	idleFor = time.Minute
	// The bounds of a key, of the values of a key, and of one value.
	mostKey    = 1 << 10
	mostValues = 10_000
	mostValue  = 1 << 20
)

// An asker asks a database for the values of a key.
type asker interface {
	ask(ctx context.Context, key string) ([]string, error)
	close()
}

// errAnswer is of a database that is there, and answers that it cannot do what it
// is asked: the next key may fare better.
type errAnswer struct{ error }

func (e errAnswer) Unwrap() error { return e.error }

// A pool asks a database, a few questions at a time. Where that fails it is left
// in peace for a while, so that a database which hangs costs a crowd of recipients
// one time-out and not each of them one.
type pool struct {
	definition *definition
	where      string
	asker      asker
	log        *slog.Logger
	now        func() time.Time
	slots      chan struct{}

	mu     sync.Mutex
	failed error     // what it said last, nil where it answers
	until  time.Time // when it may be asked again
	trying bool      // somebody does
}

// newPool is a pool whose connections end when nobody has it any more.
func newPool(d *definition, where string, o Options) (*pool, error) {
	a, err := newAsker(d, o)
	if err != nil {
		return nil, err
	}
	p := poolOf(d, where, a, o)
	runtime.AddCleanup(p, asker.close, a)
	return p, nil
}

func poolOf(d *definition, where string, a asker, o Options) *pool {
	p := &pool{definition: d, where: where, asker: a, log: o.Log, now: o.Now, slots: make(chan struct{}, mostAtOnce)}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.now == nil {
		p.now = time.Now
	}
	return p
}

func newAsker(d *definition, o Options) (asker, error) {
	switch d.kind {
	case sqliteKind:
		return openSQLite(d, o), nil
	case postgresKind:
		return openPostgres(d, o)
	}
	return openDirectory(d, o), nil
}

// find is the value of a key, or of several of them as the definition joins them.
func (p *pool) find(ctx context.Context, key string) (value string, ok bool, err error) {
	// Nobody has such a key, and a database that chokes on it is not to fail for
	// the others: who sends mail chooses the keys.
	if key == "" || len(key) > mostKey || !utf8.ValidString(key) || strings.ContainsFunc(key, unicode.IsControl) {
		return "", false, nil
	}
	silent := fmt.Errorf("no answer in %s", p.definition.timeout)
	within, cancel := context.WithTimeoutCause(ctx, p.definition.timeout, silent)
	defer cancel()
	end, _ := within.Deadline()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-within.Done():
		return "", false, p.wrong(context.Cause(within))
	}
	if err := p.enter(); err != nil {
		return "", false, p.wrong(err)
	}
	values, err := p.asker.ask(within, key)
	switch {
	case err != nil && within.Err() != nil:
		err = context.Cause(within)
	case err != nil && !time.Now().Before(end): // a dialer looks at the same clock, and may be the first to see it
		err = silent
	}
	p.leave(err, ctx.Err() != nil)
	if err == nil {
		value, ok, err = p.definition.join(values)
	}
	if err != nil {
		return "", false, p.wrong(err)
	}
	return value, ok, nil
}

func (p *pool) wrong(err error) error {
	return fmt.Errorf("the map %s cannot be asked: %w", p.where, err)
}

// enter says why nobody is asked now.
func (p *pool) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		return nil
	}
	if p.trying || p.now().Before(p.until) {
		return p.failed
	}
	p.trying = true
	return nil
}

// leave notes how it went; it is not the database's fault where the one who asked
// has not waited.
func (p *pool) leave(err error, gone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trying = false
	_, answered := errors.AsType[errAnswer](err)
	switch {
	case err == nil || answered:
		if p.failed != nil {
			p.log.Info("the map is asked again", "map", p.where)
		}
		p.failed = nil
	case !gone:
		if p.failed == nil {
			logbook.Line(p.log, logbook.Serious, p.wrong(err).Error(), slog.String("map", p.where))
		}
		p.failed, p.until = err, p.now().Add(restFor)
	}
}

// join makes one value of what a database has for a key.
func (d *definition) join(values []string) (value string, ok bool, err error) {
	var all []string
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			all = append(all, v)
		}
	}
	switch {
	case len(all) == 0:
		return "", false, nil
	case len(all) > 1 && d.Separator == nil:
		return "", false, fmt.Errorf("it has %d values for the key, %s and %s among them: set separator = \", \" if they are a list, or have it give one",
			len(all), visible.Line(all[0], mostShown), visible.Line(all[1], mostShown))
	case len(all) > 1:
		value = strings.Join(all, *d.Separator)
	default:
		value = all[0]
	}
	switch {
	case len(value) > mostValue:
		return "", false, fmt.Errorf("its value is longer than %d octets", mostValue)
	case !utf8.ValidString(value):
		return "", false, errors.New("its value is no UTF-8")
	case strings.ContainsFunc(value, unicode.IsControl):
		return "", false, fmt.Errorf("there is a control character in its value %s", visible.Line(value, mostShown))
	}
	return value, true, nil
}
