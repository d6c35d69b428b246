// Package smarthost is the way out: it chooses the account that carries a
// message, gets the account's secret, and opens a session with the account's
// server. All that goes wrong here belongs to the route and to no message.
package smarthost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/smarthost/known"
	"mailcrane/smarthost/oauth"
	"mailcrane/smarthost/relay"
	"mailcrane/smarthost/secret"
)

// Options are the parts of the world that a Transport uses; the zero Options
// are the real ones.
type Options struct {
	// Dial opens connections; nil is net.Dialer's, with the name servers of now.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock that certificates are checked by; nil is time.Now.
	Now func() time.Time
	// Getenv is where secrets look for the session; nil is os.Getenv.
	Getenv func(string) string
	// Source is where an account's secret comes from; nil is where its
	// configuration says.
	Source func(*config.Account) secret.Source
	// Known keeps what is known of servers for later runs; nil forgets it with
	// the process.
	Known known.Files
	// Debug is told what could not be kept or read there. It may be nil.
	Debug func(msg string, args ...any)
	// Warn is told what a person should see to soon, as that a log-in ends. It may
	// be nil.
	Warn func(msg string, args ...any)
	// Issuers carries the requests to the issuers of tokens; nil is the web.
	Issuers http.RoundTripper
	// Carries is the account that carries the mail of a route now: another than its
	// own, or that with another server. nil, or an answer of nil, is its own.
	Carries func(ctx context.Context, r queue.Route) *config.Account
	// Trace is told every line of every session, without messages and without
	// secrets. It may be nil; it is called from several goroutines.
	Trace func(r queue.Route, line string)
}

// A Transport reaches the smarthosts of a configuration. It remembers what makes
// the next session cheaper: of the servers in Options.Known; secrets, and which
// of them were refused, for the life of the process. It may be used from
// several goroutines.
type Transport struct {
	config  *config.Config
	options Options
	known   *known.Store

	mu       sync.Mutex
	accounts map[meeting]*memory
}

// A meeting is an account with a server. What is known of one says nothing of
// another, not even that a password is right.
type meeting struct {
	account string
	server  config.Smarthost
}

// memory is what is kept of a meeting between sessions.
type memory struct {
	keeper *secret.Keeper
	server *known.Server
}

var (
	_ queue.Router    = (*Transport)(nil)
	_ queue.Transport = (*Transport)(nil)
)

// New is a Transport for the accounts of c.
func New(c *config.Config, options Options) *Transport {
	if options.Getenv == nil {
		options.Getenv = os.Getenv
	}
	if options.Source == nil {
		options.Source = options.source
	}
	if options.Dial == nil {
		options.Dial = Dialer()
	}
	return &Transport{
		config: c, options: options, accounts: map[meeting]*memory{},
		known: known.NewStore(options.Known, options.Now, options.Debug),
	}
}

// source is where the account's password is, or its tokens are made.
func (o *Options) source(a *config.Account) secret.Source {
	if !a.OAuth.Used() {
		return secret.New(a, o.Getenv)
	}
	return oauth.New(a, oauth.World{Transport: o.Issuers, Dial: o.Dial, Now: o.Now, Getenv: o.Getenv, Notes: o.Known, Warn: o.Warn})
}

// Open connects to the server of the account that carries the route's mail,
// checks its certificate and logs in.
func (t *Transport) Open(ctx context.Context, r queue.Route) (queue.Session, *queue.RouteFault) {
	a := t.config.Account(string(r))
	if a == nil {
		return nil, configFault("", t.unknownAccount(string(r)))
	}
	if t.options.Carries != nil {
		a = cmp.Or(t.options.Carries(ctx, r), a)
	}
	s, _, fault := t.open(ctx, r, a, false)
	if fault != nil {
		return nil, fault // a nil *session would be a queue.Session that is not nil
	}
	return s, nil
}

// Again forgets all secrets, also which of them were refused: call it when a
// person says to try now.
func (t *Transport) Again() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.accounts {
		m.keeper.Forget()
	}
}

// open opens a session for the route by account a: one for mail, or one that asks.
func (t *Transport) open(ctx context.Context, r queue.Route, a *config.Account, asks bool) (*session, *login, *queue.RouteFault) {
	target, fault := t.target(r, a)
	if fault != nil {
		return nil, nil, fault
	}
	target.Asks = asks
	connects := t.connects(ctx, &target)
	keeper, server := t.memory(a).keeper, t.memory(a).server
	// Whatever comes of it: TLS sessions were used up, an address led nowhere.
	defer server.Save()
	if keeper.Refused() && target.Memory.Recall().LoggedIn != "" {
		// Another process was let in since. It may have been by this very secret:
		// then the account was mended at the server.
		keeper.Pardon()
	}
	l := &login{ctx: ctx, account: a, keeper: keeper}
	if keeper.Refused() {
		// Another connection makes sense only with another secret.
		if err := l.prepare(); err != nil {
			return nil, nil, secretFault(a, err)
		}
	}
	s, fault := l.attempt(target)
	if fault != nil && l.refused && !l.fresh {
		// The refused one was remembered: an OAuth token runs out, a password
		// gets changed. Where it is kept may be a newer one.
		l = &login{ctx: ctx, account: a, keeper: keeper}
		if l.prepare() == nil && connects.allow(&target) {
			s, fault = l.attempt(target)
		}
	}
	if fault != nil {
		return nil, nil, fault
	}
	return &session{s, server}, l, nil
}

// attempt is one connection.
func (l *login) attempt(target relay.Target) (*relay.Session, *queue.RouteFault) {
	if l.account.Auth != "none" {
		target.Auth, target.Settle = l, l.settleOnTheWay
	}
	s, fault := relay.Open(l.ctx, target)
	return s, l.settle(fault)
}

// target is all that relay has to know of an account. The files of its tls
// setting are read each time: a client certificate is renewed now and then.
func (t *Transport) target(r queue.Route, a *config.Account) (relay.Target, *queue.RouteFault) {
	policy, err := relay.LoadTLS(a.TLS.CA, a.TLS.Cert, a.TLS.Key, a.TLS.Pin)
	if err != nil {
		return relay.Target{}, configFault(a.Smarthost.Addr(), err)
	}
	policy.KeyExchange = keyExchange(a.TLS.KeyExchange)
	server := t.memory(a).server
	server.Refresh()
	// All that decides which certificates are taken and shown, and how keys are
	// agreed on: what was given under another policy is not used under this one.
	policy.Sessions = server.Sessions(fmt.Sprintf("%x %d", policy.Fingerprint, policy.KeyExchange))
	hello, err := t.hello()
	if err != nil {
		return relay.Target{}, configFault(a.Smarthost.Addr(), err)
	}
	target := relay.Target{
		LoginHint: loginHint(a), Memory: server.Memory, Server: a.Smarthost.Host, Address: a.Smarthost.Addr(),
		Mode: mode(a.Smarthost.TLS), TLS: policy, Hello: hello,
		Timeouts: t.config.Timeout,
		Dial:     t.options.Dial, Now: t.options.Now,
	}
	if t.options.Trace != nil {
		target.Trace = func(line string) { t.options.Trace(r, line) }
	}
	return target, nil
}

func mode(m config.TLSMode) relay.Mode {
	switch m {
	case config.StartTLS:
		return relay.StartTLS
	case config.Insecure:
		return relay.Insecure
	case config.Implicit:
	}
	return relay.Implicit
}

func keyExchange(setting string) relay.KeyExchange {
	switch setting {
	case config.PostQuantum:
		return relay.PostQuantum
	case config.Classical:
		return relay.Classical
	}
	return relay.AutoExchange
}

// hello is our name in EHLO: with privacy, one that tells nothing.
func (t *Transport) hello() (string, error) {
	if t.config.Privacy {
		return relay.NeutralHello, nil
	}
	if t.config.Hostname != "" {
		return t.config.Hostname, nil
	}
	name, err := os.Hostname()
	if err != nil {
		return "", sysexits.Errorf(sysexits.Config, "set hostname in "+t.file(), "this machine does not know its name: %w", err)
	}
	return name, nil
}

func (t *Transport) memory(a *config.Account) *memory {
	t.mu.Lock()
	defer t.mu.Unlock()
	with := meeting{a.Name, a.Smarthost}
	m := t.accounts[with]
	if m == nil {
		m = &memory{
			keeper: secret.Keep(a, t.options.Source(a)),
			server: t.known.Server(known.Identity{Account: a.Name, Host: a.Smarthost.Host, Port: a.Smarthost.Port, User: a.User}),
		}
		t.accounts[with] = m
	}
	return m
}

// Link is how the way to the account's server was when it was last used; the
// zero Link where nothing is known.
func (t *Transport) Link(account *config.Account) relay.Link {
	m := t.memory(account)
	m.server.Refresh()
	return m.server.Memory.Recall().Link
}

func configFault(server string, err error) *queue.RouteFault {
	return &queue.RouteFault{Step: queue.StepConfig, Server: server, Err: err, Hint: sysexits.Hint(err), NeedsPerson: true}
}

// secretFault needs a person unless the source said to try later, or the run
// was over before it could answer.
func secretFault(a *config.Account, err error) *queue.RouteFault {
	later := sysexits.Code(err) == sysexits.TempFail || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	step := queue.StepSecret
	if a.OAuth.Used() {
		step = queue.StepToken
	}
	return &queue.RouteFault{
		Step: step, Server: a.Smarthost.Addr(), Err: err, Hint: sysexits.Hint(err), NeedsPerson: !later,
	}
}
