package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/mta"
	"mailcrane/mta/expand"
	"mailcrane/mta/route"
	"mailcrane/queue"
)

// Verify is -bv of a server: it says what addresses come to, and sends nothing.
func (s *services) Verify(ctx context.Context, sender string, words []string, verbose bool) int {
	c, err := s.config()
	if err != nil {
		return s.fail(err)
	}
	routing, err := mta.NewRouting(c, mta.RoutingOptions{Now: s.now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return s.fail(err)
	}
	if os.Geteuid() > 0 {
		fmt.Fprintln(s.stderr, "Notice: -bv may mislead who is not root: it sees only the .forward files and lists that its user may read")
	}
	code := sysexits.OK
	var all []expand.Question
	for _, word := range words {
		list, bad := address.ParseList(word)
		for _, b := range bad {
			fmt.Fprintln(s.stdout, b)
			code = sysexits.Usage
		}
		for _, box := range list {
			all = append(all, expand.Question{Sender: sender, Recipient: queue.Recipient{Address: box.Address}})
		}
	}
	answers, err := routing.Expander.Expand(ctx, all)
	if err != nil {
		return s.fail(err)
	}
	for i, a := range answers {
		if worse := s.verified(c, all[i].Recipient.Address, &a, verbose); worse != sysexits.OK {
			code = worse
		}
	}
	return code
}

// verified prints what one address has come to, as sendmail has it.
func (s *services) verified(c *config.Config, name string, a *expand.Answer, verbose bool) int {
	code := sysexits.OK
	if verbose && len(a.Destinations) == 0 {
		fmt.Fprintf(s.stdout, "%s... duplicate suppressed\n", printable(name))
	}
	for _, d := range a.Destinations {
		final, text := final(c, &d)
		if verbose && final != name && d.Route != "" {
			fmt.Fprintf(s.stdout, "%s... aliased to %s\n", printable(name), printable(final))
		}
		fmt.Fprintf(s.stdout, "%s... %s\n", printable(final), printable(text))
		if d.Route == "" && !d.Discard {
			code = exitOf(d.Reply)
		}
	}
	return code
}

// final is a destination by its name, and what sendmail says of it.
func final(c *config.Config, d *expand.Destination) (name, text string) {
	hop, door := route.Of(d.Route)
	switch {
	case d.Discard:
		return "/dev/null", "deliverable: mailer *file*, user /dev/null"
	case d.Route == "":
		return d.Address, d.Reply.Text
	case d.Target != "" && d.Target[0] == '|':
		return d.Target, "deliverable: mailer prog, user " + d.Target[1:]
	case d.Target != "":
		return d.Target, "deliverable: mailer *file*, user " + d.Target
	case d.User != "":
		return d.Address, "deliverable: mailer local, user " + d.User
	case !door:
		host := string(d.Route)
		if a := c.Account(host); a != nil {
			host = a.Smarthost.Host
		}
		return d.Address, fmt.Sprintf("deliverable: mailer relay, host %s, user %s", host, d.Address)
	}
	return d.Address, fmt.Sprintf("deliverable: mailer %s, host %s, user %s", hop.Mailer, hop.Host, d.Address)
}

// exitOf is sendmail's exit code of a refusal.
func exitOf(r queue.Reply) int {
	switch {
	case r.Code/100 == 4:
		return sysexits.TempFail
	case r.Enhanced == "5.1.1":
		return sysexits.NoUser
	case r.Enhanced == "5.1.2":
		return sysexits.NoHost
	case r.Enhanced == "5.4.6":
		return sysexits.Usage
	}
	return sysexits.Unavailable
}
