package checkup

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// serverNames says whether the name service knows the server by its name, and leads
// mail for its domains to it.
func (c *checker) serverNames(ctx context.Context) {
	const (
		namesTime   = 20 * time.Second
		mostDomains = 10
	)
	ctx, cancel := context.WithTimeout(ctx, namesTime)
	defer cancel()
	c.ownName(ctx)
	n := 0
	for _, domain := range c.Config.MTA.Local {
		if strings.HasPrefix(domain, "[") || !strings.Contains(domain, ".") || strings.EqualFold(domain, c.Server.Hostname) {
			continue
		}
		if n++; n > mostDomains {
			return
		}
		c.exchangers(ctx, domain)
	}
}

// ownName is about the name that the server tells others.
func (c *checker) ownName(ctx context.Context) {
	host := c.Server.Hostname
	f := Finding{ID: "server-name", State: Warning, Why: "servers to whom it says this name refuse its mail, or think worse of it"}
	if !strings.Contains(host, ".") {
		f.What = fmt.Sprintf("%s, the server's own name, is no whole one", line(host))
		f.Mend, f.Command = `write one with its domain into [mta]: hostname = "mail.example.org"`, c.edit("")
		c.tell(f)
		return
	}
	addresses, err := c.Server.Names.Addresses(ctx, host)
	switch {
	case err != nil:
		f.What, f.Why = fmt.Sprintf("whether %s, the server's own name, leads anywhere is not known now: %s", host, line(err.Error())), "the name service does not answer; nor does it for those to whom mail goes, which waits"
		f.Command = c.Call + " status"
	case len(addresses) == 0:
		f.What = fmt.Sprintf("%s, the server's own name, leads to no address", host)
		f.Mend = "have an A or AAAA record made for it, or correct hostname in [mta]"
		f.Command = c.edit("")
	case !c.here(addresses):
		f.State, f.What = Note, fmt.Sprintf("%s, the server's own name, leads to %s, which is no address of this machine", host, addresses[0])
		f.Why = "it is so behind a router that translates addresses; else the record is wrong"
	default:
		c.fine("server-name", fmt.Sprintf("%s, the server's own name, is %s", host, families(addresses)))
		c.pointers(ctx, addresses)
		return
	}
	c.tell(f)
	if f.State == Note {
		c.pointers(ctx, addresses)
	}
}

// here says that one of the addresses is this machine's.
func (c *checker) here(addresses []netip.Addr) bool {
	return slices.ContainsFunc(addresses, func(a netip.Addr) bool { return slices.Contains(c.Server.Addresses, a.Unmap()) })
}

// pointers are the names of the addresses that others see, which lead back.
func (c *checker) pointers(ctx context.Context, addresses []netip.Addr) {
	for _, a := range addresses[:min(len(addresses), 4)] {
		if !a.IsGlobalUnicast() || a.IsPrivate() {
			continue
		}
		all, err := c.Server.Names.Pointers(ctx, a)
		same := func(name string) bool { return strings.EqualFold(name, c.Server.Hostname) }
		if err != nil || slices.ContainsFunc(all, same) {
			continue
		}
		f := Finding{
			ID: "server-pointer", State: Warning, What: fmt.Sprintf("the address %s has no name", a), Why: "many servers refuse mail from an address whose name does not lead back to it",
			Mend: fmt.Sprintf("ask who gave you the address for a PTR record: %s", c.Server.Hostname), Command: "dig +short -x " + a.String(),
		}
		if len(all) > 0 {
			f.State, f.What = Note, fmt.Sprintf("the name of the address %s is %s, and not %s", a, line(all[0]), c.Server.Hostname)
		}
		c.tell(f)
	}
}

// exchangers are those of a domain whose mail is to end here.
func (c *checker) exchangers(ctx context.Context, domain string) {
	all, err := c.Server.Names.Exchangers(ctx, domain)
	f := Finding{ID: "server-exchanger", State: Warning, Command: "dig +short MX " + shell(domain)}
	switch {
	case err != nil:
		f.What, f.Why = fmt.Sprintf("where mail for %s is sent is not known now: %s", domain, line(err.Error())), "the name service does not answer"
	case len(all) == 0:
		if addresses, err := c.Server.Names.Addresses(ctx, domain); err != nil || c.here(addresses) {
			return // without an MX its address counts (RFC 5321 section 5.1)
		}
		f.What, f.Why = fmt.Sprintf("%s is in mta.local, and no MX record names this server for it", domain), "no mail from elsewhere comes here"
		f.Mend = fmt.Sprintf("have a record made: %s. MX 10 %s.", domain, c.Server.Hostname)
	case c.namesUs(ctx, all):
		c.fine("server-exchanger", fmt.Sprintf("mail for %s is sent to this server", domain))
		return
	default:
		f.State, f.What = Note, fmt.Sprintf("mail for %s is sent to %s, and not to this server", domain, line(strings.Join(all[:min(len(all), 3)], ", ")))
		f.Why = "it is so where that one sends it on to here; else the record is wrong"
	}
	c.tell(f)
}

// namesUs says that one of the exchangers is this server, by its name or an address.
func (c *checker) namesUs(ctx context.Context, exchangers []string) bool {
	for _, host := range exchangers {
		if strings.EqualFold(host, c.Server.Hostname) || c.Server.Ours(host) {
			return true
		}
	}
	for _, host := range exchangers[:min(len(exchangers), 5)] {
		if addresses, err := c.Server.Names.Addresses(ctx, host); err == nil && c.here(addresses) {
			return true
		}
	}
	return false
}
