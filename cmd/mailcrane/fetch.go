package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/mta"
	"mailcrane/queue"
	"mailcrane/smarthost"
)

func (a *app) fetchCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "fetch [ACCOUNT]", Short: "Fetch the mail that a server holds for this machine",
		Long: `fetch asks the server of an account for the mail of its fetch_domains: with
fetch = "atrn" it comes over the connection that was made for it, and is delivered to
the mailbox of mta.deliver.mailer; with fetch = "etrn" the server is asked to call
this machine, whose own server takes the mail in. Without ACCOUNT it asks for all
accounts that have fetch set. The agent does the same when there is a way out, and
at each queue run. See docs/dial-up.md.`,
		Example: "  mailcrane fetch\n  mailcrane fetch work",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, words []string) error {
			return a.fetch(cmd.Context(), words)
		},
	}
	c.Flags().BoolVar(&a.json, "json", false, "one JSON object for each message")
	return c
}

// fetch fetches by each account, and delivers what has come.
func (a *app) fetch(ctx context.Context, words []string) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	accounts, err := fetchingAccounts(c, words)
	if err != nil {
		return err
	}
	out := smarthost.New(c, smarthost.Options{Now: a.now, Getenv: a.getenv, Known: a.spool(c), Warn: plainLog{a.stderr}.Error})
	f, err := a.fetcher(c, out, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	var ids []queue.ID
	var failed []error
	for _, account := range accounts {
		got, err := f.by(ctx, account)
		for _, one := range got.messages {
			ids = append(ids, one.ID)
		}
		a.sayFetched(account, got)
		if err != nil {
			failed = append(failed, err)
		}
	}
	if err := a.deliverFetched(ctx, c, out, ids); err != nil {
		return err
	}
	if len(failed) > 1 {
		for _, err := range failed[:len(failed)-1] {
			note(a.stderr, "%v", err)
		}
	}
	if len(failed) > 0 {
		return failed[len(failed)-1]
	}
	return nil
}

// fetchingAccounts are the account that is named, or all that mail is fetched by.
func fetchingAccounts(c *config.Config, words []string) ([]*config.Account, error) {
	all := c.Fetching()
	if len(words) == 0 {
		if len(all) == 0 {
			return nil, sysexits.Errorf(sysexits.Config, `for example, in [account.NAME]: fetch = "atrn" and fetch_domains = ["client.example"]`, "no account has fetch set")
		}
		return all, nil
	}
	for _, account := range all {
		if account.Name == words[0] {
			return []*config.Account{account}, nil
		}
	}
	if c.Account(words[0]) == nil {
		return nil, sysexits.Errorf(sysexits.Usage, "see which there are with: mailcrane status", "there is no account %q", words[0])
	}
	return nil, sysexits.Errorf(sysexits.Config, fmt.Sprintf(`in [account.%s]: fetch = "atrn" and fetch_domains = ["client.example"]`, words[0]), "account %s has no fetch set", words[0])
}

// A fetcher fetches mail into the queue.
type fetcher struct {
	config *config.Config
	out    *smarthost.Transport
	spool  *queue.Spool
	place  func(*queue.Envelope)
	now    func() time.Time
	log    *slog.Logger
}

func (a *app) fetcher(c *config.Config, out *smarthost.Transport, log *slog.Logger) (*fetcher, error) {
	place, err := placer(c)
	if err != nil {
		return nil, err
	}
	f := &fetcher{config: c, out: out, spool: a.spool(c), place: place, now: a.now, log: log}
	return f, prepare(c, f.spool)
}

// What a fetch has come to.
type fetchResult struct {
	messages []mta.Fetched
	// said is what the server has answered: to ATRN, or to ETRN for each domain.
	said []queue.Reply
	none bool // there was nothing
}

// by fetches by one account.
func (f *fetcher) by(ctx context.Context, account *config.Account) (fetchResult, error) {
	if account.Fetch == config.FetchETRN {
		return f.call(ctx, account)
	}
	conn, said, fault := f.out.Turn(ctx, account)
	got := fetchResult{said: []queue.Reply{said}, none: said.Code == nothingWaits}
	switch {
	case fault != nil:
		return fetchResult{}, fetchFault(account, fault)
	case conn == nil && got.none:
		return got, nil
	case conn == nil:
		return got, fetchRefused(account, "ATRN", said)
	}
	t := mta.Fetch{Config: f.config, Domains: account.FetchDomains, Spool: f.spool, Place: f.place, Now: f.now, Log: f.log}
	got.messages = t.Take(ctx, conn)
	return got, ctx.Err()
}

// nothingWaits is the reply of a server that has no mail for us (RFC 2645 section
// 5.2).
const nothingWaits = 453

// call has the server call.
func (f *fetcher) call(ctx context.Context, account *config.Account) (got fetchResult, err error) {
	said, fault := f.out.Call(ctx, account)
	got.said, got.none = said, true
	for i, r := range said {
		if r.Code/100 != 2 {
			err = errors.Join(err, fetchRefused(account, "ETRN "+account.FetchDomains[i], r))
		}
		got.none = got.none && r.Code == noMessages
	}
	if fault != nil {
		err = fetchFault(account, fault)
	}
	return got, err
}

// noMessages is the reply to ETRN where nothing waits (RFC 1985 section 5.3).
const noMessages = 251

func fetchFault(account *config.Account, fault *queue.RouteFault) error {
	code := sysexits.TempFail
	switch {
	case fault.Step == queue.StepConfig:
		code = sysexits.Config
	case fault.NeedsPerson:
		code = sysexits.NoPerm
	}
	return sysexits.Errorf(code, fault.Hint, "account %s cannot fetch now: %s", account.Name, fault.Sentence())
}

// fetchRefused is a server that does not do what it was asked for.
func fetchRefused(account *config.Account, what string, said queue.Reply) error {
	server := account.FetchesFrom().Addr()
	switch {
	case said.Code == 500 || said.Code == 502:
		return sysexits.Errorf(sysexits.Unavailable, "ask the provider which server and port has it, for fetch_smarthost; ATRN has a port of its own, 366", "%s does not know %s: %v", server, what, said)
	case said.Code/100 == 4:
		return sysexits.Errorf(sysexits.TempFail, "if it stays so, ask the provider whether "+account.User+" may fetch "+strings.Join(account.FetchDomains, ", "), "%s refuses %s for now: %v", server, what, said)
	}
	return sysexits.Errorf(sysexits.Unavailable, "ask the provider", "%s refuses %s: %v", server, what, said)
}

// sayFetched tells what has come, and from where.
func (a *app) sayFetched(account *config.Account, got fetchResult) {
	if a.json {
		for _, one := range got.messages {
			writeJSON(a.stdout, fetchedOf(account, one))
		}
		return
	}
	server := account.FetchesFrom().Addr()
	for _, one := range got.messages {
		from := one.From
		if from == "" {
			from = "<>"
		}
		fmt.Fprintf(a.stdout, "%s  %s to %s, %s\n", one.ID, printable(from), printable(strings.Join(one.To, ", ")), octets(one.Octets))
	}
	switch {
	case account.Fetch == config.FetchETRN:
		for i, r := range got.said {
			if r.Code/100 == 2 {
				fmt.Fprintf(a.stdout, "%s, asked for %s: %s\n", server, account.FetchDomains[i], printable(r.String()))
			}
		}
	case len(got.messages) > 0:
		fmt.Fprintf(a.stdout, "%s from %s\n", count(len(got.messages), "message"), server)
	case got.none:
		fmt.Fprintf(a.stdout, "no mail at %s\n", server)
	}
}

// A fetchedItem is a message that has come, in --json.
type fetchedItem struct {
	Account string   `json:"account"`
	Server  string   `json:"server"`
	ID      queue.ID `json:"id"`
	From    string   `json:"from"`
	To      []string `json:"to"`
	Size    int64    `json:"size"`
}

func fetchedOf(account *config.Account, one mta.Fetched) fetchedItem {
	return fetchedItem{account.Name, account.FetchesFrom().Addr(), one.ID, one.From, one.To, one.Octets}
}

// deliverFetched delivers at once what has come; an agent may be at it already.
func (a *app) deliverFetched(ctx context.Context, c *config.Config, out *smarthost.Transport, ids []queue.ID) error {
	if len(ids) == 0 {
		return nil
	}
	runner := a.runner(c, out, plainLog{a.stderr})
	if err := a.doors(runner, c, slog.New(slog.DiscardHandler), nil); err != nil {
		return err
	}
	sum, err := runner.Run(ctx, queue.Run{IDs: ids, Person: true})
	if err != nil && !errors.Is(err, context.Canceled) {
		return cannotUseSpool(c, err)
	}
	if sum.Waiting > 0 {
		note(a.stderr, "%s of it left in the queue; see why with: mailcrane queue list", count(sum.Waiting, "message"))
	}
	return nil
}
