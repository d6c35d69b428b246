package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/mta"
	"mailcrane/mta/access"
	"mailcrane/mta/outside"
	"mailcrane/mta/policy"
	"mailcrane/mta/route"
	"mailcrane/mta/safefile"
	"mailcrane/queue"
)

// serves says that a configuration is for server mode too.
func serves(c *config.Config) bool {
	return len(c.MTA.Listeners) > 0 || len(c.MTA.Local) > 0 || len(c.MTA.Relay) > 0
}

// checkServer says what is likely wrong in server mode, and tries to relay from
// outside. open says that everybody can.
func (a *app) checkServer(ctx context.Context, c *config.Config) (open bool, err error) {
	for _, w := range outside.Warnings(c, queue.OS{}.Free) {
		where := ""
		if w.Where != "" {
			where = w.Where + ": "
		}
		fmt.Fprintf(a.stdout, "%s%s; %s\n", where, printable(w.Text), w.Mend)
	}
	if err := a.checkAccess(c, a.stdout); err != nil {
		return false, err
	}
	if err := a.checkRouting(c, a.stdout); err != nil {
		return false, err
	}
	if err := a.checkAliases(c, a.stdout); err != nil {
		return false, err
	}
	report, err := a.tryToRelay(ctx, c)
	if err != nil {
		return false, err
	}
	for _, o := range report.Openings {
		fmt.Fprintln(a.stdout, printable(openingWords(o)))
	}
	if len(report.Openings) == 0 {
		fmt.Fprintf(a.stdout, "relaying: nobody outside relays through %s without a log-in (%d tries in its head)\n",
			count(report.Listeners, "listener"), report.Tries)
	}
	return report.Open(), nil
}

// checkAccess says which lines of the access map mean something else than they
// seem to. An error names those that can mean nothing.
func (a *app) checkAccess(c *config.Config, out io.Writer) error {
	if c.MTA.Map.Access == "" {
		return nil
	}
	safe, err := safefile.New(c.MTA.Safe)
	if err != nil {
		return err
	}
	warnings, err := access.Check(c.MTA.Map.Access, safe, accessOptions(&c.MTA.Policy))
	for _, w := range warnings {
		fmt.Fprintln(out, printable(w))
	}
	if err != nil {
		return sysexits.Errorf(sysexits.Config, "", "the access map cannot be used: %w", err)
	}
	return nil
}

// checkRouting does so for the maps that say where mail goes.
func (a *app) checkRouting(c *config.Config, out io.Writer) error {
	safe, err := safefile.New(c.MTA.Safe)
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	classes, err := policy.NewClasses(policy.Parts{Config: c, Hostname: mta.Hostname(c), Safe: safe, Now: a.now, Log: log})
	if err != nil {
		return err
	}
	warnings, err := route.Check(route.Parts{Config: c, Classes: classes, Safe: safe, Now: a.now})
	for _, w := range warnings {
		fmt.Fprintln(out, printable(w))
	}
	if err != nil {
		return sysexits.Errorf(sysexits.Config, sysexits.Hint(err), "a map cannot be used: %w", err)
	}
	return nil
}

func accessOptions(p *config.ServerPolicy) access.Options {
	return access.Options{Skip: p.AccessSkip, LookupDotDomain: p.LookUpDotDomain, RelayToFullAddress: p.RelayToFullAddress}
}

func openingWords(o outside.Opening) string {
	try := fmt.Sprintf("%s, as %s, may send to %s by the listener %s", o.Client, o.Sender, o.Recipient, o.Listener)
	if o.Claimed {
		try += "; whoever is listed there may say that it is anybody, this machine too"
	}
	if o.Everybody {
		return fmt.Sprintf("OPEN RELAY: %s lets everybody send mail through this server to strangers: %s; take it out", o.Where, try)
	}
	return fmt.Sprintf("relaying: %s lets some outside send through this server to strangers: %s; leave it so only if that is meant", o.Where, try)
}

func (a *app) tryToRelay(ctx context.Context, c *config.Config) (*outside.Report, error) {
	host := cmp.Or(c.MTA.Hostname, c.Hostname)
	if host == "" {
		var err error
		if host, err = os.Hostname(); err != nil {
			host = "localhost"
		}
	}
	safe, err := safefile.New(c.MTA.Safe)
	if err != nil {
		return nil, err
	}
	var entries *access.Map
	var keys []string
	if path := c.MTA.Map.Access; path != "" {
		entries, err = access.Open(path, safe, accessOptions(&c.MTA.Policy), slog.New(slog.DiscardHandler), a.now)
		if err != nil {
			return nil, sysexits.Errorf(sysexits.Config, "", "the access map cannot be used: %w", err)
		}
		f, err := safe.Open(safefile.Map, path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		keys = outside.RelayKeys(f)
	}
	rules, err := policy.New(policy.Parts{Config: c, Hostname: host, Access: entries, Names: outside.Names{Hostname: host}, Safe: safe, Now: a.now})
	if err != nil {
		return nil, err
	}
	return outside.Try(ctx, c, rules, host, keys)
}
