package config

import "strings"

// Account is the account of that name, or nil.
func (c *Config) Account(name string) *Account {
	for _, a := range c.Accounts {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// ForSender is the account that carries mail from sender: the one with the
// closest pattern, else the default one, else nil. The null reverse-path
// belongs to the default account.
func (c *Config) ForSender(sender string) *Account {
	best, score := c.DefaultAccount, 0
	for _, a := range c.Accounts {
		if s := a.claims(sender); s > score {
			best, score = a, s
		}
	}
	return best
}

// Claims says whether the account's from names sender.
func (a *Account) Claims(sender string) bool { return a.claims(sender) > 0 }

// claims is how closely the account's from names sender: 0 not at all; a
// plain address beats the same with +detail, which beats any pattern; of two
// patterns the one with more fixed characters is closer.
func (a *Account) claims(sender string) int {
	const exact, detail = 1 << 20, 1 << 19
	best := 0
	for _, pattern := range a.From {
		switch {
		case strings.EqualFold(pattern, sender):
			return exact
		case strings.EqualFold(pattern, withoutDetail(sender)):
			best = max(best, detail)
		case strings.Contains(pattern, "*") && match(strings.ToLower(pattern), strings.ToLower(sender)):
			best = max(best, len(pattern))
		}
	}
	return best
}

// withoutDetail is joe@example.org for joe+anything@example.org.
func withoutDetail(address string) string {
	at := strings.LastIndexByte(address, '@')
	plus := strings.IndexByte(address, '+')
	if plus <= 0 || at < plus {
		return address
	}
	return address[:plus] + address[at:]
}

// match matches s against a pattern with a * in it; each stands for any octets.
// Time is bounded by the product of the lengths.
func match(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

// Address is the account's own address: the first plain one in From, else
// User where that is an address, else "".
func (a *Account) Address() string {
	for _, f := range a.From {
		if !strings.Contains(f, "*") {
			return f
		}
	}
	if strings.Contains(a.User, "@") {
		return a.User
	}
	return ""
}

// Loopback says that the smarthost is on this machine, so that it can be
// reached without a network.
func (s Smarthost) Loopback() bool { return loopback(s.Host) }

// Addr is host:port as a dialer wants it.
func (s Smarthost) Addr() string {
	if strings.Contains(s.Host, ":") {
		return "[" + s.Host + "]:" + s.Port
	}
	return s.Host + ":" + s.Port
}

// String is the URL form of the configuration file, "" for none.
func (s Smarthost) String() string {
	if s.Host == "" {
		return ""
	}
	scheme := map[TLSMode]string{Implicit: "smtps", StartTLS: "smtp", Insecure: "smtp+insecure"}[s.TLS]
	return scheme + "://" + s.Addr()
}
