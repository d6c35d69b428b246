package config

import (
	"fmt"
	"slices"
	"strings"

	"mailcrane/internal/sysexits"
)

// A Rule of the policy says what is done with mail while all its conditions
// hold. The first rule that matches decides; where none does, mail is sent.
type Rule struct {
	Name string

	// Accounts are those whose mail it is about; none: all.
	Accounts []string
	// Interface, SSID and Connection are patterns, one of which the way out
	// matches; none: any.
	Interface, SSID, Connection []string
	// VPN is VPNUp, VPNDown, the pattern of one that is up, or with "!" before it
	// of one that is not; "": no condition.
	VPN string
	// Metered says that the way out is, or is not; Portal that a captive portal is
	// in the way, or is not.
	Metered, Portal Condition
	Hours           Hours
	// Addresses are ranges, or addresses alone, that one of this machine's is in.
	Addresses []string

	Do Deed
	// Below is the most octets of a message that is sent; 0 is no bound.
	Below Octets
	// By is another account that carries the mail, or "". Smarthost is another
	// server for the same account; its Host is "" where there is none.
	By        string
	Smarthost Smarthost

	at int // where its table begins in the file
}

// What a Rule's VPN may be but a name.
const (
	VPNUp   = "up"
	VPNDown = "down"
)

// A Condition is something that may or may not be so.
type Condition uint8

// The conditions. The zero Condition is that it does not matter.
const (
	Either Condition = iota
	Yes
	No
)

// Met says that the condition holds where the matter is so, or is not.
func (c Condition) Met(so bool) bool { return c == Either || (c == Yes) == so }

func (c Condition) String() string {
	return [...]string{"", "true", "false"}[min(int(c), int(No))]
}

func conditionOf(so bool) Condition {
	if so {
		return Yes
	}
	return No
}

// A Deed is what a Rule does with mail.
type Deed uint8

// The deeds. The zero Deed stands where by, smarthost or below says enough; it
// sends.
const (
	Unsaid Deed = iota
	Send
	Hold
)

var deedWords = [...]string{"send", "hold"}

func parseDeed(text string) (Deed, error) {
	i, err := word(text, "thing to do", deedWords[:], "")
	return Deed(i + 1), err //nolint:gosec // two words
}

func (d Deed) String() string {
	if d == Unsaid {
		return ""
	}
	return deedWords[min(int(d), len(deedWords))-1]
}

// For says that the rule is about mail of that account. An account that is to
// carry the mail of all others has nothing to change for its own.
func (r *Rule) For(account string) bool {
	return (len(r.Accounts) == 0 || slices.Contains(r.Accounts, account)) && account != r.By
}

// Match says that s matches the pattern, in which each * stands for any octets.
// Case does not count.
func Match(pattern, s string) bool {
	if !strings.Contains(pattern, "*") {
		return strings.EqualFold(pattern, s)
	}
	return match(strings.ToLower(pattern), strings.ToLower(s))
}

// MatchAny says that s matches one of the patterns.
func MatchAny(patterns []string, s string) bool {
	for _, p := range patterns {
		if Match(p, s) {
			return true
		}
	}
	return false
}

// Through is the account with another server: who logs in, how, and by what the
// server is known stay.
func (a *Account) Through(s Smarthost) *Account {
	other := *a
	other.Smarthost = s
	return &other
}

// parseName reads the pattern of a name that the network, or a person, has
// given.
func parseName(text string) (string, error) {
	const most = 128
	if text == "" || len(text) > most {
		return "", fmt.Errorf("%s is no name: it has 1 to %d octets, and * stands for any letters", quotedText(text), most)
	}
	return text, nil
}

// parseVPN reads up, down, NAME or !NAME.
func parseVPN(text string) (string, error) {
	switch lower := strings.ToLower(text); lower {
	case VPNUp, VPNDown:
		return lower, nil
	case "!" + VPNUp:
		return VPNDown, nil
	case "!" + VPNDown:
		return VPNUp, nil
	}
	if _, err := parseName(strings.TrimPrefix(text, "!")); err != nil {
		return "", fmt.Errorf(`%s is no VPN: write "up", "down", the name of one that must be up, or ! and the name of one that must not`, quotedText(text))
	}
	return text, nil
}

// settle checks what of a rule goes together.
func (r *Rule) settle(c *Config, bad func(hint, format string, args ...any) error) error {
	carried := r.By != "" || r.Smarthost.Host != ""
	switch {
	case r.Do == Unsaid && !carried && r.Below == 0:
		return bad(`add do = "hold" or do = "send", or by, smarthost or below`, "does not say what to do")
	case r.Do == Hold && carried:
		return bad(`take do = "hold" out, or by and smarthost`, "holds mail, and says by what way it goes")
	case r.Do == Hold && r.Below > 0:
		return bad(`write do = "send" to keep only what is larger`, `holds all mail, so that below changes nothing`)
	case r.By != "" && r.Smarthost.Host != "":
		return bad("take one of them out", "has both by and smarthost")
	case r.Smarthost.Host != "" && len(r.Accounts) == 0:
		return bad(`for example: account = ["work"]`, "would show the passwords of all accounts to one server: say whose mail goes there")
	}
	if key := r.emptyList(c.source); key != "" {
		return bad("name something in it, or take it out", "has nothing in %s, so that it would never match", key)
	}
	return r.settleAccounts(c, bad)
}

// settleAccounts checks the accounts that a rule names.
func (r *Rule) settleAccounts(c *Config, bad func(hint, format string, args ...any) error) error {
	for _, name := range append(slices.Clip(r.Accounts), r.By) {
		if name != "" && c.Account(name) == nil {
			return bad(c.accountsHint(), "names account %q, and there is none of that name", name)
		}
	}
	if r.By != "" && len(r.Accounts) == 1 && r.Accounts[0] == r.By {
		return bad("name another account in by", "has account %q carry its own mail", r.By)
	}
	for _, name := range r.Accounts {
		if a := c.Account(name); r.Smarthost.Host != "" && r.Smarthost.TLS == Insecure && a.Auth != "none" && !r.Smarthost.Loopback() {
			return bad("use smtps:// or smtp://", "would send the password of account %s over a connection without TLS", name)
		}
	}
	return nil
}

// emptyList is a condition that stands in the file and names nothing, or "".
func (r *Rule) emptyList(in *file) string {
	for _, list := range [...]struct {
		key    string
		length int
	}{
		{"account", len(r.Accounts)},
		{"interface", len(r.Interface)},
		{"ssid", len(r.SSID)},
		{"connection", len(r.Connection)},
		{"hours", len(r.Hours)},
		{"address", len(r.Addresses)},
	} {
		if _, set := in.at[dotted([]string{"policy", r.Name, list.key})]; set && list.length == 0 {
			return list.key
		}
	}
	return ""
}

func (c *Config) accountsHint() string {
	var names []string
	for _, a := range c.Accounts {
		names = append(names, a.Name)
	}
	if names == nil {
		return "there is no account at all; add a table [account.NAME]"
	}
	return "the accounts are: " + strings.Join(names, ", ")
}

// Where is the file and the line of a rule.
func (c *Config) Where(r *Rule) string { return c.source.where(r.at) }

// settlePolicy checks the rules, which are in order and for which all accounts
// are there.
func (c *Config) settlePolicy() error {
	for i := range c.Rules {
		r := &c.Rules[i]
		err := r.settle(c, func(hint, format string, args ...any) error {
			return sysexits.Errorf(sysexits.Config, hint, "%s: [policy.%s] %s", c.Where(r), r.Name, fmt.Sprintf(format, args...))
		})
		if err != nil {
			return err
		}
	}
	return c.findCircle()
}
