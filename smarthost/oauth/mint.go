package oauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/smarthost/secret"
)

const (
	// leeway is how long before its end a token is not used any more, for a slow
	// session to begin in.
	leeway = 30 * time.Second
	// unsaid is how long a token is taken to be good whose issuer does not say it;
	// the server's refusal ends it before.
	unsaid = time.Hour
	// warnAgain is how often a near end is warned of.
	warnAgain = 24 * time.Hour
)

// A Mint makes the access tokens of one account from what is kept of its log-in.
// It remembers the last one for the life of the process, writes none down, and
// asks the issuer only where that one has run out. It may be used from several
// goroutines.
type Mint struct {
	account *config.Account
	world   World
	place   secret.Place
	wire    *wire

	// turn is held while the issuer is asked, and by who looks at what follows.
	turn   chan struct{}
	issuer *issuer
	// unsaved is what could not be kept, in place of what is: instead.
	unsaved, instead grant
	warned           time.Time

	// mu is never held while anything is waited for: who asks what was refused, or
	// has it forgotten, is not to wait for an issuer.
	mu   sync.Mutex
	last token
	// ended is what the issuer takes no more, as a digest, and barred the log-in
	// whose new token the server has refused: neither is asked again before
	// something else is kept.
	ended    [sha256.Size]byte
	endedWhy error
	barred   int64
}

// A token is an access token. given is how often it was handed out.
type token struct {
	value  secret.Value
	until  time.Time
	login  int64
	given  int
	usable bool
}

var _ secret.Mint = (*Mint)(nil)

// errBarred: the server has refused a new token, and each other one would be as
// good.
var errBarred = errors.New("the server has refused a new token of this log-in, so no other is sent")

// New is the Mint of account a, which logs in with tokens.
func New(a *config.Account, w World) *Mint {
	w = w.filled()
	return &Mint{account: a, world: w, place: secret.Grant(a, w.Getenv), wire: &wire{w.Transport}, turn: make(chan struct{}, 1)}
}

// Read implements secret.Source.
func (m *Mint) Read(ctx context.Context) (secret.Value, error) {
	v, _, err := m.Mint(ctx)
	return v, err
}

// Mint is an access token that is good for half a minute at least; fresh says that the issuer
// made it for this call. It takes a minute and a half at the most.
func (m *Mint) Mint(ctx context.Context) (v secret.Value, fresh bool, err error) {
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return secret.Value{}, false, unreached(title(m.account), ctx.Err())
	}
	if v, ok := m.remembered(); ok {
		return v, false, nil
	}
	t, err := m.renew(ctx)
	if err != nil {
		return secret.Value{}, true, err
	}
	t.given, t.usable = 1, true
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = t
	return t.value, true, nil
}

// remembered is the last token, unless it has run out.
func (m *Mint) remembered() (v secret.Value, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.last.usable || !m.world.Now().Before(m.last.until) {
		m.last = token{}
		return secret.Value{}, false
	}
	m.last.given++
	return m.last.value, true
}

// Refuse is called when the server has refused v. A token that was new is not
// followed by another of the same log-in.
func (m *Mint) Refuse(v secret.Value) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.last.usable || string(v.Reveal()) != string(m.last.value.Reveal()) {
		return
	}
	if m.last.given == 1 {
		m.barred = m.last.login
	}
	m.last = token{}
}

// Refused says that the log-in itself is of no use any more, as far as is known.
func (m *Mint) Refused() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.barred != 0 || m.endedWhy != nil
}

// Again forgets what was refused: a person said to try again.
func (m *Mint) Again() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.barred, m.endedWhy = 0, nil
}

// Pardon forgets that the server has refused a new token. What the issuer takes no
// more stays so.
func (m *Mint) Pardon() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.barred = 0
}

// renew gets an access token. One process at a time does so: each then sees the
// refresh token that the one before has kept.
func (m *Mint) renew(ctx context.Context) (token, error) {
	unlock, err := lock(ctx, m.account, m.world.Getenv)
	if err != nil {
		return token{}, err
	}
	defer unlock()
	g, err := m.kept(ctx)
	if err != nil {
		return token{}, err
	}
	client, err := m.client(ctx)
	if err != nil {
		return token{}, err
	}
	t, err := m.refresh(ctx, client, g)
	if err != nil {
		return token{}, err
	}
	// Also where the access token is of no use: the old refresh token is none.
	g = m.rotate(ctx, g, t)
	m.warn(g)
	return token{value: secret.Conceal(t.AccessToken), until: m.until(t), login: g.LoggedIn}, usable(m.account, t)
}

// kept is the refresh token to use, unless it is known to be of no use.
func (m *Mint) kept(ctx context.Context) (grant, error) {
	v, err := m.place.Read(ctx)
	if errors.Is(err, secret.ErrNotFound) {
		return grant{}, sysexits.Errorf(sysexits.NoPerm, "type: "+secret.LoginCommand(m.account), "%w with account %s at %s", ErrNotLoggedIn, m.account.Name, title(m.account))
	}
	if err != nil {
		return grant{}, err
	}
	g, err := decode(m.account, v)
	if err != nil {
		return grant{}, err
	}
	if m.unsaved.Refresh != "" && g == m.instead {
		g = m.unsaved
	}
	return g, m.refusedBefore(g)
}

// refusedBefore is why g is of no use, as far as is known.
func (m *Mint) refusedBefore(g grant) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.endedWhy != nil && m.ended == sha256.Sum256([]byte(g.Refresh)):
		return m.endedWhy
	case m.barred != 0 && m.barred == g.LoggedIn:
		return sysexits.Errorf(sysexits.NoPerm, "log in as "+m.account.User+" with: "+secret.LoginCommand(m.account)+"; or, if the server has changed its mind, type: mailcrane flush",
			"%w: %s gave it, and it may be another user's than %s", errBarred, title(m.account), m.account.User)
	}
	m.endedWhy, m.barred = nil, 0
	return nil
}

// client is who we are at the issuer, whose endpoints are asked for once.
func (m *Mint) client(ctx context.Context) (oauth2.Config, error) {
	if m.issuer == nil {
		found, err := m.wire.issuerOf(ctx, m.account)
		if err != nil {
			return oauth2.Config{}, err
		}
		m.issuer = found
	}
	return clientOf(ctx, m.account, m.issuer, m.world.Getenv)
}

func clientOf(ctx context.Context, a *config.Account, i *issuer, getenv func(string) string) (oauth2.Config, error) {
	c := oauth2.Config{ClientID: a.OAuth.ClientID, Endpoint: i.endpoint, Scopes: i.scopes}
	if a.OAuth.ClientSecret.Kind == "" {
		c.Endpoint.AuthStyle = oauth2.AuthStyleInParams // RFC 6749 section 3.2.1
		return c, nil
	}
	v, err := secret.Client(a, getenv).Read(ctx)
	if errors.Is(err, secret.ErrNotFound) {
		return c, anew(a, "the keyring holds no oauth.client_secret of account %s", a.Name)
	}
	c.ClientSecret = string(v.Reveal())
	return c, err
}

// refresh trades the refresh token for an access token (RFC 6749 section 6).
// Once asked, the issuer is heard to the end, also where ctx ends: it may have
// replaced the refresh token, and its answer holds the only one that is left.
func (m *Mint) refresh(ctx context.Context, client oauth2.Config, g grant) (*oauth2.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, unreached(title(m.account), err)
	}
	given := m.wire.given(context.WithoutCancel(ctx))
	t, err := client.TokenSource(given, &oauth2.Token{RefreshToken: g.Refresh}).Token()
	if err == nil {
		return t, nil
	}
	err = failed(m.account, err)
	if errors.Is(err, ErrEnded) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.ended, m.endedWhy = sha256.Sum256([]byte(g.Refresh)), err
	}
	return nil, err
}

// usable checks what goes into a SASL message (RFC 6750 section 2.1, RFC 6749
// appendix A.12).
func usable(a *config.Account, t *oauth2.Token) error {
	const most = 32 << 10
	bad := func(r rune) bool { return r <= ' ' || r >= 0x7f }
	if !strings.EqualFold(t.Type(), "bearer") || len(t.AccessToken) > most || strings.IndexFunc(t.AccessToken, bad) >= 0 {
		return sysexits.Errorf(sysexits.Protocol, "ask the provider; a token for mail is needed (Bearer)", "%s gave a token of a kind that does not log in to a mail server", title(a))
	}
	return nil
}

// until is the last moment at which t is used.
func (m *Mint) until(t *oauth2.Token) time.Time {
	const most = 30 * 24 * time.Hour
	lasts := unsaid
	if t.ExpiresIn > 0 {
		lasts = time.Duration(min(t.ExpiresIn, int64(most/time.Second))) * time.Second
	}
	// By the clock on the wall: the other one stands still while a laptop sleeps.
	return m.world.Now().Round(0).Add(lasts - min(leeway, lasts/2))
}

// rotate keeps what replaces the refresh token of g, durably, before the access
// token is used: the issuer takes the old one no more. Where that fails, the new
// one is used for the life of the process, and kept as soon as that works.
func (m *Mint) rotate(ctx context.Context, g grant, t *oauth2.Token) grant {
	next := g
	if t.RefreshToken != "" && t.RefreshToken != g.Refresh {
		next = granted(m.account, t, m.world.Now())
		next.LoggedIn = g.LoggedIn
	} else if ends := saidEnd(t, m.world.Now()); !ends.IsZero() && ends.Sub(moment(g.Ends)).Abs() > worthWriting {
		next.Ends = millis(ends)
	}
	if next == g && m.unsaved.Refresh == "" {
		return g
	}
	if err := m.place.Write(context.WithoutCancel(ctx), next.encode()); err != nil {
		if m.unsaved.Refresh == "" {
			m.instead = g
		}
		m.unsaved = next
		m.world.Warn("the renewed log-in of account "+m.account.Name+" could not be kept: if this process ends before it can, a person must log in again",
			"account", m.account.Name, "why", err, "hint", hintOf(err))
		return next
	}
	m.unsaved, m.instead = grant{}, grant{}
	m.world.keep(m.account, next)
	return next
}

func hintOf(err error) string {
	if hint := sysexits.Hint(err); hint != "" {
		return hint
	}
	return "see whether the keyring, or the file, can be written"
}

// granted is what t gives to account a.
func granted(a *config.Account, t *oauth2.Token, now time.Time) grant {
	g := grant{Refresh: t.RefreshToken, LoggedIn: millis(now), Obtained: millis(now), Party: party(a)}
	if g.Ends = millis(saidEnd(t, now)); g.Ends == 0 && a.OAuth.Lifetime > 0 {
		g.Ends = millis(now.Add(a.OAuth.Lifetime))
	}
	return g
}

// saidEnd is when the refresh token ends, by the issuer. There are two names for
// the time that it lives, and RFC 6749 has none.
func saidEnd(t *oauth2.Token, now time.Time) time.Time {
	for _, name := range [...]string{"refresh_expires_in", "refresh_token_expires_in"} {
		if seconds, ok := t.Extra(name).(float64); ok && seconds > 0 && seconds < mostLife.Seconds() {
			return now.Add(time.Duration(seconds) * time.Second)
		}
	}
	return time.Time{}
}

// worthWriting is how much an end must move to be written down.
const worthWriting = time.Hour

// mostLife is about the longest time.Duration; what lives longer has no end that
// anybody has to be warned of.
const mostLife = 100 * 365 * 24 * time.Hour

// warn tells of an end that is near.
func (m *Mint) warn(g grant) {
	now, s := m.world.Now(), g.standing()
	if !s.EndsSoon(now) || now.Sub(m.warned) < warnAgain && !m.warned.IsZero() {
		return
	}
	m.warned = now
	m.world.Warn("the log-in of account "+m.account.Name+" ends soon; type: "+secret.LoginCommand(m.account),
		"account", m.account.Name, "ends", s.Ends)
}
