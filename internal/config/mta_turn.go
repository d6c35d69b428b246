package config

import (
	"fmt"
	"slices"
	"strings"
)

// Turn is which mail of dial-up peers is fetched by whom.
type Turn struct {
	// Users are lines USER DOMAIN[,DOMAIN]: who has logged in as USER may fetch the
	// mail of the domains, by ATRN. Several lines for one user add up.
	Users []string
}

// Domains are those whose mail the user may fetch, in lower case.
func (t Turn) Domains(user string) (all []string) {
	for _, line := range t.Users {
		name, domains, _ := strings.Cut(line, " ")
		if name != user || user == "" {
			continue
		}
		for domain := range strings.SplitSeq(domains, ",") {
			if !slices.Contains(all, domain) {
				all = append(all, domain)
			}
		}
	}
	return all
}

// parseTurnUser reads USER DOMAIN[,DOMAIN], and leaves one space and small letters.
func parseTurnUser(text string) (string, error) {
	words := strings.FieldsFunc(text, func(c rune) bool { return c == ' ' || c == '\t' || c == ',' })
	if len(words) < 2 {
		return "", fmt.Errorf("%s names no domain: write \"USER DOMAIN\", or \"USER DOMAIN,DOMAIN\"", quotedText(text))
	}
	for i, domain := range words[1:] {
		name, err := parseFetchDomain(domain)
		if err != nil {
			return "", err
		}
		words[1+i] = name
	}
	return words[0] + " " + strings.Join(words[1:], ","), nil
}

// parseFetchDomain reads one domain, in lower case.
func parseFetchDomain(text string) (string, error) {
	text = strings.ToLower(text)
	if text == "" || strings.ContainsAny(text, "[]:_") || strings.HasPrefix(text, ".") || strings.HasSuffix(text, ".") || strings.Contains(text, "..") {
		return "", fmt.Errorf("%s is no domain: write for example client.example", quotedText(text))
	}
	return parseHostname(text)
}

// The ways to fetch mail.
const (
	FetchNone = "none"
	FetchATRN = "atrn" // the connection is turned round (RFC 2645)
	FetchETRN = "etrn" // the server calls (RFC 1985)
)

func parseFetch(text string) (string, error) {
	words := [...]string{FetchNone, FetchATRN, FetchETRN}
	i, err := word(text, "way to fetch mail", words[:], "")
	return words[i], err
}

// FetchesFrom is the server that has the mail.
func (a *Account) FetchesFrom() Smarthost {
	if a.FetchSmarthost.Host != "" {
		return a.FetchSmarthost
	}
	return a.Smarthost
}

// Fetching are the accounts by which mail is fetched.
func (c *Config) Fetching() (all []*Account) {
	for _, a := range c.Accounts {
		if a.Fetch != FetchNone {
			all = append(all, a)
		}
	}
	return all
}

// settleFetch checks what goes together of fetching.
func (a *Account) settleFetch(bad func(hint, format string, args ...any) error) error {
	if a.Fetch == "" {
		a.Fetch = FetchNone
	}
	switch server := a.FetchesFrom(); {
	case a.Fetch == FetchNone:
	case len(a.FetchDomains) == 0:
		return bad(`for example: fetch_domains = ["client.example"]`, "is to fetch mail, and has no fetch_domains")
	case a.Fetch == FetchATRN && a.Auth == "none":
		return bad(`set user, or fetch = "etrn"`, "is to fetch mail by ATRN, which is for who has logged in, and it does not")
	case server.TLS == Insecure && a.Auth != "none" && !server.Loopback():
		return bad("use smtps:// or smtp:// in fetch_smarthost", "would send a password over a connection without TLS")
	}
	return nil
}

// ExpensiveHost says that the host of a door, as a mailertable or a domain has it, is
// called by queue runs only.
func (c *Config) ExpensiveHost(host string) bool {
	if !c.Queue.HoldExpensive {
		return false
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	return slices.Contains(c.MTA.Exchange.Expensive, host)
}
