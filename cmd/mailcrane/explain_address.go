package main

import (
	"context"
	"fmt"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/mta"
	"mailcrane/netwatch"
	"mailcrane/netwatch/policy"
	"mailcrane/queue"
)

// An addressItem is what explain knows of an address, in --json.
type addressItem struct {
	Address   string `json:"address"`
	Account   string `json:"account,omitempty"`
	Smarthost string `json:"smarthost,omitempty"`
	Rule      string `json:"rule,omitempty"`
	// Policy is what the rules of the policy do to mail of the account now, Waits
	// what would end that, and Looked the rules that were looked at.
	Policy string        `json:"policy,omitempty"`
	Waits  string        `json:"waits,omitempty"`
	Looked []policy.Look `json:"rules,omitempty"`
	Why    string        `json:"why,omitempty"`
	Mend   string        `json:"mend,omitempty"`
	// From and To count the waiting messages from and to it.
	From int `json:"from"`
	To   int `json:"to"`
	// Way is that of mail to it, on a server.
	Way []stepItem `json:"way,omitempty"`
}

func (a *app) explainAddress(ctx context.Context, word string) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	word = strings.TrimSuffix(strings.TrimPrefix(word, "<"), ">")
	k := a.clerk(ctx, c)
	item := k.aboutAddress(c, word)
	if item.Way, err = a.wayTo(ctx, c, word); err != nil {
		return err
	}
	var waiting []queue.ID
	const most = 5
	list, err := k.spool.List(queue.ListOrder{})
	if err != nil {
		return cannotUseSpool(c, err)
	}
	is := written(c, word)
	list.Each(func(e queue.Entry) bool {
		from, to := is(e.Envelope.From), pendingFor(e, is)
		if from {
			item.From++
		}
		if to {
			item.To++
		}
		if (from || to) && len(waiting) < most {
			waiting = append(waiting, e.Name.ID)
		}
		return true
	})
	if a.json {
		writeJSON(a.stdout, item)
		return nil
	}
	return a.tellAddress(k, item, waiting)
}

// aboutAddress is the way of mail from the address, and the rule that says so.
func (k *clerk) aboutAddress(c *config.Config, word string) addressItem {
	item := addressItem{Address: word}
	route, err := k.route(&queue.Envelope{From: word})
	if err != nil {
		item.Why, item.Mend = err.Error(), sysexits.Hint(err)
		return item
	}
	account := c.Account(string(route))
	if account == nil {
		return item // a server's door: there its recipients decide
	}
	item.Account, item.Smarthost = account.Name, account.Smarthost.String()
	item.Rule = "it is the default account"
	if account.Claims(word) {
		item.Rule = "that address is in its from: " + strings.Join(account.From, ", ")
	}
	if k.net != nil {
		s := k.net.Standing(route)
		item.Policy, item.Looked = s.Policy, s.Looked
		if s.Prospect == netwatch.Withheld {
			item.Waits = s.Reacts
		}
	}
	if fault := k.state(route).Fault; fault != nil {
		item.Why, item.Mend = fault.Sentence, fault.Hint
	}
	return item
}

// written says that an envelope has the address that a person has written: a name
// without a domain is this machine's.
func written(c *config.Config, word string) func(address string) bool {
	whole := address.Qualify(word, mta.Hostname(c))
	return func(a string) bool { return strings.EqualFold(a, word) || strings.EqualFold(a, whole) }
}

func pendingFor(e queue.Entry, is func(address string) bool) bool {
	for i, to := range e.Envelope.To {
		if !e.Results[i].Done() && is(to.Address) {
			return true
		}
	}
	return false
}

func (a *app) tellAddress(k *clerk, item addressItem, waiting []queue.ID) error {
	p, now, word := newPage(a.stdout), a.now(), printable(item.Address)
	switch {
	case item.Account == "" && len(item.Way) == 0:
		p.line("", fmt.Sprintf("Mail from %s waits: %s.", word, printable(item.Why)))
	case item.Account != "":
		p.line("", fmt.Sprintf("Mail from %s goes by account %s to %s, because %s.", word, item.Account, item.Smarthost, item.Rule))
		p.line("", fmt.Sprintf("Account %s: %s.", item.Account, printable(standing(lastSeen(k.state(queue.Route(item.Account))), now))))
	}
	if item.Policy != "" {
		p.line("", printable(fmt.Sprintf("Now %s.", item.Policy)))
	}
	if item.Waits != "" {
		p.line("", printable(fmt.Sprintf("It waits for %s. See how each rule stands with: mailcrane status --why", item.Waits)))
	}
	if item.Mend != "" {
		p.line("  ", item.Mend)
	}
	if len(item.Way) > 0 {
		p.tellWay(&item)
	} else {
		p.line("", fmt.Sprintf("Mail to %s goes by the account of its sender, whose server finds the way to %s.", word, address.Domain(item.Address)))
	}
	p.line("", fmt.Sprintf("In the queue: %s from it, %s to it.", count(item.From, "message"), count(item.To, "message")))
	for _, id := range waiting {
		p.line("  ", "see: mailcrane explain "+string(id))
	}
	return p.Flush()
}

// lastSeen is nil for a route that was never tried.
func lastSeen(state queue.RouteState) *queue.RouteState {
	if state.At.IsZero() {
		return nil
	}
	return &state
}
