package main

import (
	"context"
	"fmt"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/mta/aliases"
	"mailcrane/mta/safefile"
)

// CheckAliases is newaliases of a server: there is no database to rebuild, since
// the files are read as they stand.
func (s *services) CheckAliases(context.Context) int {
	c, err := s.config()
	if err != nil {
		return s.fail(err)
	}
	safe, err := safefile.New(c.MTA.Safe)
	if err != nil {
		return s.fail(err)
	}
	code := sysexits.OK
	for _, r := range aliases.Check(c.MTA.Map.Aliases, aliases.Options{Rules: safe, Local: localDomains(c), Getenv: s.getenv, Now: s.now}) {
		for _, line := range r.Warnings {
			fmt.Fprintln(s.stderr, printable(line))
		}
		for _, wrong := range r.Wrong {
			fmt.Fprintln(s.stderr, printable(wrong.Error()))
			code = sysexits.Software // as sendmail has it
		}
		if r.Summary != "" {
			fmt.Fprintln(s.stdout, printable(r.Summary))
		}
	}
	return code
}

// localDomains says which domains may stand in the name of an alias, as far as the
// configuration alone knows.
func localDomains(c *config.Config) func(string) bool {
	return func(domain string) bool {
		for _, own := range append([]string{"localhost", c.Hostname, c.MTA.Hostname}, c.MTA.Local...) {
			if own != "" && strings.EqualFold(own, domain) {
				return true
			}
		}
		return false
	}
}
