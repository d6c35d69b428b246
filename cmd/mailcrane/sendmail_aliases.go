package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/mta"
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
	all, err := s.readAliases(c)
	if err != nil {
		return s.fail(err)
	}
	code := sysexits.OK
	for _, r := range all {
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

func (a *app) readAliases(c *config.Config) ([]aliases.Report, error) {
	safe, err := safefile.New(c.MTA.Safe)
	if err != nil {
		return nil, err
	}
	return aliases.Check(c.MTA.Map.Aliases, aliases.Options{Rules: safe, Local: localDomains(c), Getenv: a.getenv, Now: a.now}), nil
}

// checkAliases is what config check says of the aliases: warnings, and as an error
// all lines that can mean nothing.
func (a *app) checkAliases(c *config.Config, out io.Writer) error {
	all, err := a.readAliases(c)
	if err != nil {
		return err
	}
	if left := mta.NotAsked(c); left != "" {
		fmt.Fprintf(out, "%s: there is no files in its line aliases, so that %s is not asked; write: aliases files\n", printable(c.MTA.Resolver.SwitchFile), printable(left))
	}
	var wrong []error
	for _, r := range all {
		for _, line := range r.Warnings {
			fmt.Fprintln(out, printable(line))
		}
		wrong = append(wrong, r.Wrong...)
	}
	if len(wrong) > 0 {
		return sysexits.Errorf(sysexits.Config, "mend them, then type: newaliases", "the aliases cannot be used as they are: %w", errors.Join(wrong...))
	}
	return nil
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
