package mta

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/logbook"
	"mailcrane/internal/sysexits"
	"mailcrane/mta/access"
	"mailcrane/mta/auth"
	"mailcrane/mta/certificate"
	"mailcrane/mta/dnsbl"
	"mailcrane/mta/greylist"
	"mailcrane/mta/ident"
	"mailcrane/mta/names"
	"mailcrane/mta/policy"
	"mailcrane/mta/safefile"
	"mailcrane/mta/smtpd"
)

// rules are what a configuration has come to: some are made when the server begins
// and some whenever it is told to read anew, and a client is served to its end by
// those that held when it came.
type rules struct {
	config       *config.Config
	hostname     string
	version      string             // of this program
	access       *access.Map        // nil where there is none
	auth         *auth.Auth         // nil where nobody can log in
	certificates *certificate.Store // nil where there is no TLS
	policy       *policy.Policy
	names        names.Resolver
	ident        ident.Asker
	greylist     *greylist.List // nil where there is none
	routing      *Routing
	help         help // nil for our own
	// taking is the routing by which recipients are known when mail is taken in.
	taking *Routing
	end    context.CancelFunc
}

// nameTime is how long the name of a client is looked for, at the most: it waits
// for its greeting meanwhile.
const nameTime = 20 * time.Second

// read makes rules of a configuration. A file that it names and that is no good
// is an error, but for the access map, whose users are put off until it is mended.
func (s *Server) read(c *config.Config) (*rules, error) {
	ctx, end := context.WithCancel(context.Background())
	r := &rules{config: c, hostname: Hostname(c), version: ownVersion(), names: s.Resolver, ident: ident.Asker{Timeout: c.Timeout.Ident}, end: end}
	if err := r.open(ctx, s); err != nil {
		end()
		return nil, err
	}
	return r, nil
}

// trusting are the rules for support files. Those of the user that the server is to
// become are its own from the start.
func trusting(c *config.Config) (safefile.Rules, error) {
	safe, err := safefile.New(c.MTA.Safe)
	if uid, ok := becomes(c.MTA.RunAs); ok {
		safe = safe.As(uid)
	}
	return safe, err
}

func (r *rules) open(ctx context.Context, s *Server) error {
	c := r.config
	safe, err := trusting(c)
	if err != nil {
		return err
	}
	for _, note := range safe.Notes() {
		s.Watch.Questionable(note)
	}
	before := s.rules.Load()
	if before == nil {
		before = &rules{config: new(config.Config)}
	}
	r.openAccess(s, safe, before)
	r.openHelp(safe, s.Log)
	if r.auth, err = auth.New(ctx, c, safe, s.Log, s.Now, s.guesses, before.auth); err != nil {
		return err
	}
	if r.names == nil {
		if r.names, err = resolver(c, before.names, s.Log); err != nil {
			return err
		}
	}
	deferred := c.ServerMode() == config.DeferredRun
	lists, err := dnsbl.New(c.MTA.DNSBLs, r.names, dnsbl.Options{Deferred: deferred, Told: s.Watch.Metrics.BlockList})
	if err != nil {
		return err
	}
	if r.certificates, err = certificate.New(ctx, c, safe, s.Log, s.Now, before.certificates); err != nil {
		return err
	}
	if err := r.openRouting(s, before); err != nil {
		return err
	}
	if r.greylist, err = s.greylist(c, before); err != nil {
		return err
	}
	r.policy, err = policy.New(policy.Parts{
		Classes: r.routing.classes, Recipient: r.taking.Recipient,
		Config: c, Hostname: r.hostname, Addresses: OwnAddresses(), Access: r.access, Names: r.names, Blocks: lists,
		Greylist: r.greylist, Counts: s.counts, Safe: safe, Load: s.Load, Free: s.Free, Now: s.Now, Log: s.Log,
		LowOnSpace: s.Watch.LowOnSpace, Greylisted: s.Watch.Metrics.Greylist,
	})
	if err != nil {
		s.endGreylist(r.greylist, before.greylist)
	}
	return err
}

// openRouting opens the routing; in delivery mode d one more, that leaves out what
// is not to be asked where mail is taken in.
func (r *rules) openRouting(s *Server, before *rules) (err error) {
	o := RoutingOptions{
		Names: r.names, Users: s.Users, Opener: s.Opener, Access: r.access, Hosts: s.Hosts, Before: before.routing, Now: s.Now, Log: s.Log,
		Failed: s.Watch.Exchanger,
	}
	if r.routing, err = NewRouting(r.config, o); err != nil {
		return err
	}
	if r.taking = r.routing; r.config.ServerMode() == config.DeferredRun {
		o.Before, o.Classes, o.Deferred = before.taking, r.routing.classes, true
		r.taking, err = NewRouting(r.config, o)
	}
	return err
}

// openAccess opens the access map. One that is the same file, read in the same
// way, stays the same map: if a line of it is bad now, the entries from before
// still hold.
func (r *rules) openAccess(s *Server, safe safefile.Rules, before *rules) {
	path := r.config.MTA.Map.Access
	if path == "" {
		return
	}
	var err error
	if how := howToRead(r.config); before.access != nil && before.config.MTA.Map.Access == path && how == howToRead(before.config) && r.config.MTA.Safe == before.config.MTA.Safe {
		r.access = before.access
		err = r.access.Reload()
	} else {
		r.access, err = access.Open(path, safe, how, s.Log, s.Now)
	}
	if err != nil {
		logbook.Line(s.Log, logbook.Serious, "the access map cannot be read; where there were no entries before, mail is put off until it is mended: "+err.Error(), slog.String("file", path))
	}
}

func howToRead(c *config.Config) access.Options {
	return access.Options{Skip: c.MTA.Policy.AccessSkip, LookupDotDomain: c.MTA.Policy.LookUpDotDomain, RelayToFullAddress: c.MTA.Policy.RelayToFullAddress}
}

// resolver asks the name service as the configuration has it: the one until now
// where it asks alike, with what it knows already.
func resolver(c *config.Config, before names.Resolver, log *slog.Logger) (names.Resolver, error) {
	asks, err := names.Configured(c)
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Config, "", "%s: %w", c.Path, err)
	}
	if d, ok := before.(*names.DNS); ok && d.Asks(asks) {
		return d, nil
	}
	asks.Switch.Log = log
	return names.New(asks), nil
}

// greylist is the one that the configuration has: that of the rules before where
// nothing of it has changed, nil for none.
func (s *Server) greylist(c *config.Config, before *rules) (*greylist.List, error) {
	g := c.MTA.Policy.Greylist
	if !g.On {
		return nil, nil //nolint:nilnil // there is none
	}
	if before.greylist != nil && g == before.config.MTA.Policy.Greylist {
		return before.greylist, nil
	}
	if g.File == "" {
		g.File = filepath.Join(s.Spool.Dir(), "greylist")
	}
	return greylist.New(greylist.Options{Delay: g.Delay, Window: g.Window, Keep: g.Keep, File: g.File, Now: s.Now, Log: s.Log})
}

// endGreylist writes a greylist down that is used no more, unless it is the one that stays.
func (s *Server) endGreylist(list, stays *greylist.List) {
	if list == nil || list == stays {
		return
	}
	if err := list.Close(); err != nil {
		s.Log.Warn("the greylist was not kept", "err", err)
	}
}

// OwnAddresses are this machine's, as far as they can be told.
func OwnAddresses() (own []netip.Addr) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if network, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, network.Addr().Unmap())
		}
	}
	return own
}

// Hostname is the server's own name, sendmail's $j.
func Hostname(c *config.Config) string {
	if name := cmp.Or(c.MTA.Hostname, c.Hostname); name != "" {
		return name
	}
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

// limits are those of the engine.
func (r *rules) limits(s *Server) smtpd.Options {
	c := r.config
	most := c.MTA.Limits
	var about func(string) ([]string, bool)
	if r.help != nil {
		about = r.help.about
	}
	return smtpd.Options{
		Help:     about,
		Hostname: r.hostname, MaxConnections: mostClients(most.Connections, descriptors()), MaxHeaders: c.Submit.MaxHeaders,
		BadRcptThrottle: most.BadRcptThrottle, BadRcptShutdown: most.BadRcptShutdown, MaxNOOP: most.NOOPs,
		AllowBogusHELO: most.AllowBogusHELO, SoftBounce: most.SoftBounce,
		Command: c.Timeout.Command, Block: c.Timeout.DataBlock, Auth: c.Timeout.Auth, StartTLS: c.Timeout.StartTLS,
		Now: s.Now, Log: s.Log,
	}
}

// resolve is the name of a client. In delivery mode d nobody is asked, as nobody
// ever is about this machine.
func (r *rules) resolve(ctx context.Context, addr netip.Addr) names.Client {
	if r.config.ServerMode() == config.DeferredRun && !addr.IsLoopback() {
		return names.Client{Name: names.Literal(addr), State: names.OK}
	}
	ctx, end := context.WithTimeout(ctx, nameTime)
	defer end()
	return names.OfClient(ctx, r.names, addr)
}

// named is the name of a client: what a trusted one has said of it, or that of the
// name service.
func (r *rules) named(ctx context.Context, x *smtpd.XClient, addr netip.Addr) names.Client {
	switch {
	case x == nil || x.Name == "" && !x.NoName && !x.NameLater:
		return r.resolve(ctx, addr)
	case x.NoName:
		return names.Client{Name: names.Literal(addr), State: names.None}
	case x.NameLater:
		return names.Client{Name: names.Literal(addr), State: names.Temp}
	}
	return names.Client{Name: x.Name, State: names.OK, Pointer: x.Name}
}
