package main

import (
	"strings"

	"github.com/spf13/cobra"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// mostCompleted is how many ids a shell is offered: nobody chooses from more.
const mostCompleted = 200

// complete has the shell offer what a command's form asks for, by the words in
// it: ID, ACCOUNT, NAME of an option.
func (a *app) complete(c *cobra.Command) {
	if c.DisableFlagParsing { // sendmail's own words
		return
	}
	for _, kind := range []struct {
		word  string
		offer func() []string
	}{
		{"ID", a.offerIDs},
		{"ACCOUNT", a.offerAccounts},
		{"explain NAME", offerOptions},
	} {
		if strings.Contains(c.Use, kind.word) && c.ValidArgsFunction == nil {
			c.ValidArgsFunction = offer(kind.offer)
		}
	}
	if c.ValidArgsFunction == nil && !strings.Contains(c.Use, "FILE") {
		c.ValidArgsFunction = cobra.NoFileCompletions
	}
	if c.Flags().Lookup("account") != nil {
		// The flag is there, and nobody else has said what completes it.
		_ = c.RegisterFlagCompletionFunc("account", offer(a.offerAccounts))
	}
	for _, below := range c.Commands() {
		a.complete(below)
	}
}

func offer(words func() []string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words(), cobra.ShellCompDirectiveNoFileComp
	}
}

func (a *app) offerAccounts() (names []string) {
	c, err := a.config()
	if err != nil {
		return nil // the command itself will say it
	}
	for _, account := range c.Accounts {
		names = append(names, account.Name)
	}
	return names
}

func (a *app) offerIDs() (ids []string) {
	c, err := a.config()
	if err != nil {
		return nil
	}
	_ = a.spool(c).Names(func(n queue.Name) bool {
		ids = append(ids, string(n.ID))
		return len(ids) < mostCompleted
	})
	return ids
}

func offerOptions() (names []string) {
	for o := range config.Options() {
		if o.Key != "" {
			names = append(names, o.Key)
		}
		if o.Name != "" {
			names = append(names, o.Name)
		}
	}
	return names
}
