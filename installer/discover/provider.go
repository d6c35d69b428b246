package discover

import (
	"context"
	"slices"
	"strings"

	"mailcrane/internal/config"
)

// A provider is a row of the built-in table.
type provider struct {
	name string
	// domains are those of its addresses, and hosts the ends of the names of its
	// MX and of its servers: words.
	domains, hosts string
	server         config.Smarthost
	// local: its users log in with the part before the @.
	local bool
	login Login
	page  string
	// issuer is the one of Config.OAuth, or "".
	issuer string
	// closed is why no program can send by it, or "".
	closed string
}

func implicit(host string) config.Smarthost {
	return config.Smarthost{Host: host, Port: "465", TLS: config.Implicit}
}

func startTLS(host string) config.Smarthost {
	return config.Smarthost{Host: host, Port: "587", TLS: config.StartTLS}
}

// settings are those of the provider for an address.
func (p *provider) settings(whose, local string) *Settings {
	s := &Settings{Server: p.server, User: whose}
	if p.local {
		s.User = local
	}
	p.describe(s)
	return s
}

// describe adds what is known of the provider, whoever named its server.
func (p *provider) describe(s *Settings) {
	s.Provider, s.Login, s.Page = p.name, p.login, p.page
	if p.issuer != "" {
		s.Issuer = p.issuer
	}
}

// Known says that the settings are those of a provider of the built-in table, by
// whoever they were named.
func (s *Settings) Known() bool { return providerOf(s.Server.Host) != nil }

const tableName = "built-in table of providers"

// table looks the domain up in the table: nothing is asked of anybody, and
// nothing can lie.
func (s *search) table(context.Context) *Settings {
	for _, p := range providers() {
		if !slices.Contains(strings.Fields(p.domains), s.domain) {
			continue
		}
		if p.closed != "" {
			s.closed(p)
			return nil
		}
		return s.found(tableName, "", p.settings(s.address, s.local))
	}
	s.absent(tableName, "", s.domain+" is not in it")
	return nil
}

// closed ends a search: the provider is known, and has no server for programs.
func (s *search) closed(p provider) {
	s.result.Closed = p.closed
	s.absent(tableName, "", p.closed)
}

// providerOf is the provider that a host belongs to, by the end of its name; nil
// where it is not in the table.
func providerOf(host string) *provider {
	for _, p := range providers() {
		if p.closed != "" {
			continue
		}
		if host == p.server.Host {
			return &p
		}
		for end := range strings.FieldsSeq(p.hosts) {
			if host == end || strings.HasSuffix(host, "."+end) {
				return &p
			}
		}
	}
	return nil
}
