package main

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"

	"mailcrane/installer/checkup"
	"mailcrane/internal/config"
	"mailcrane/mta"
	"mailcrane/mta/expand"
	"mailcrane/mta/lda"
	"mailcrane/mta/names"
	"mailcrane/mta/policy"
	"mailcrane/queue"
)

// serverCheckup is how doctor looks at the parts of a server.
func (a *app) serverCheckup(c *config.Config, offline bool) *checkup.Server {
	quiet := slog.New(slog.DiscardHandler)
	s := &checkup.Server{
		Hostname: mta.Hostname(c), Addresses: mta.OwnAddresses(), Ours: localDomains(c), Socket: agentPath,
		Maps: func(ctx context.Context) ([]checkup.ServerMap, error) {
			var all []checkup.ServerMap
			found, err := mta.Look{Now: a.now, Getenv: a.getenv, Offline: offline}.Supports(ctx, c)
			for _, s := range found {
				all = append(all, checkup.ServerMap(s))
			}
			return all, err
		},
		Files: func() []checkup.ServerFile {
			var all []checkup.ServerFile
			for _, f := range mta.SupportFiles(c) {
				all = append(all, checkup.ServerFile{Path: f.Path, Mend: f.Mend})
			}
			return all
		},
		Mailbox: func(ctx context.Context) error {
			d, err := a.deliverer(c, quiet)
			if err != nil {
				return err
			}
			return d.Check(ctx)
		},
		Agent: lda.Client{Path: agentPath}.Hello,
		WhereTo: func(ctx context.Context, name string) (refusal string, roots bool, err error) {
			return a.endsAt(ctx, c, name)
		},
	}
	if asks, err := names.Configured(c); err == nil {
		s.Names = serverNames(names.New(asks))
	}
	if classes, err := policy.NewClasses(policy.Parts{Config: c, Hostname: s.Hostname, Addresses: s.Addresses, Now: a.now, Log: quiet}); err == nil {
		s.Ours = func(domain string) bool { return classes.Local(domain) != "" }
	}
	return s
}

// endsAt is where mail for a local name ends.
func (a *app) endsAt(ctx context.Context, c *config.Config, name string) (refusal string, roots bool, err error) {
	routing, err := mta.NewRouting(c, mta.RoutingOptions{Now: a.now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return "", false, err
	}
	answers, err := routing.Expander.Expand(ctx, []expand.Question{{Sender: "postmaster@" + mta.Hostname(c), Recipient: queue.Recipient{Address: name}}})
	if err != nil {
		return "", false, err
	}
	form, _, err := config.LocalMailer(c.MTA.Deliver.Mailer)
	if err != nil {
		return "", false, err
	}
	for _, d := range answers[0].Destinations {
		switch {
		case d.Reply.Code/100 == 4:
			return "", false, errors.New(d.Reply.Text)
		case d.Route == "" && !d.Discard:
			refusal = d.Reply.String()
		case d.User == "root" && d.Target == "" && form != "lmtp":
			roots = true
		default:
			return "", false, nil // somebody gets it
		}
	}
	return refusal, roots, nil
}

// serverNames are those of a resolver, for whom that there is none is an error.
func serverNames(r names.Resolver) checkup.ServerNames {
	return checkup.ServerNames{
		Addresses: func(ctx context.Context, host string) ([]netip.Addr, error) {
			all, err := r.Addresses(ctx, host)
			return all, unlessNone(err)
		},
		Exchangers: func(ctx context.Context, domain string) (hosts []string, err error) {
			all, err := r.Exchangers(ctx, domain)
			for _, mx := range all {
				hosts = append(hosts, mx.Host)
			}
			return hosts, unlessNone(err)
		},
		Pointers: func(ctx context.Context, addr netip.Addr) ([]string, error) {
			all, err := r.Pointers(ctx, addr)
			return all, unlessNone(err)
		},
	}
}

func unlessNone(err error) error {
	if errors.Is(err, names.ErrNone) {
		return nil
	}
	return err
}
