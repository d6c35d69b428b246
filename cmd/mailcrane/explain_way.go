package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/mta"
	"mailcrane/mta/expand"
	"mailcrane/mta/route"
	"mailcrane/queue"
)

// A stepItem is one step of the way of mail to an address, in --json.
type stepItem struct {
	// Depth is how many aliases, lists and .forward files lead to it.
	Depth int    `json:"depth"`
	Text  string `json:"text"`
	// Where is the line of a file, or the option, that says so.
	Where string `json:"where,omitempty"`
}

// wayTo is where mail to the address goes, and why, on a machine that is a server;
// nil on any other. The sender is one of this machine, who is no account's.
func (a *app) wayTo(ctx context.Context, c *config.Config, word string) ([]stepItem, error) {
	if len(c.MTA.Listeners) == 0 {
		return nil, nil
	}
	routing, err := mta.NewRouting(c, mta.RoutingOptions{Now: a.now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	answers, err := routing.Expander.Expand(ctx, []expand.Question{{
		Sender: "postmaster@" + mta.Hostname(c), Recipient: queue.Recipient{Address: word},
	}})
	if err != nil {
		return nil, err
	}
	var way []stepItem
	for _, line := range answers[0].Story {
		way = append(way, stepItem(line))
	}
	return way, nil
}

// hasName says that somebody of the server has the name, or an alias does.
func (a *app) hasName(ctx context.Context, c *config.Config, name string) bool {
	routing, err := mta.NewRouting(c, mta.RoutingOptions{Now: a.now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return false
	}
	s, err := routing.Expander.Known(ctx, "postmaster@"+mta.Hostname(c), name)
	return err == nil && s.Kind != route.Refused
}

// tellWay prints the way of mail to the address.
func (p *page) tellWay(item *addressItem) {
	p.line("", fmt.Sprintf("Mail to %s, step by step:", printable(item.Address)))
	for _, s := range item.Way {
		text := s.Text
		if s.Where != "" {
			text += " (" + s.Where + ")"
		}
		p.line(strings.Repeat("  ", 1+s.Depth), printable(text))
	}
}
