package smarthost

import (
	"fmt"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// Route is the account that carries the message: the one the envelope names,
// else the one that claims the reverse-path. An error is a *sysexits.Error
// whose hint has the lines to add to the configuration.
func (t *Transport) Route(e *queue.Envelope) (queue.Route, error) {
	c := t.config
	if e.Account != "" {
		if c.Account(e.Account) == nil {
			return "", t.unknownAccount(e.Account)
		}
		return queue.Route(e.Account), nil
	}
	if a := c.ForSender(e.From); a != nil {
		return queue.Route(a.Name), nil
	}
	if len(c.Accounts) == 0 {
		return "", sysexits.Errorf(sysexits.Config, t.firstAccount(e.From),
			"no account is set up, so mail can be kept but not sent")
	}
	return "", t.unclaimed(e.From)
}

// ReturnTo is the sender where the account lists that very address; else the
// account's own address: a program's sender such as root@laptop, or one that a
// pattern allows, need not be a mailbox, and it is this account's owner who
// has sent.
func (t *Transport) ReturnTo(e *queue.Envelope) string {
	a := t.config.Carrier(e.Account, e.From)
	if a == nil {
		return e.From
	}
	for _, own := range a.From {
		if strings.EqualFold(own, e.From) {
			return e.From
		}
	}
	return a.Address()
}

// file is where the configuration stands, or should.
func (t *Transport) file() string {
	if t.config.Path == "" {
		return "~/.config/mailcrane/mailcrane.toml"
	}
	return t.config.Path
}

func (t *Transport) unknownAccount(name string) error {
	hint := t.firstAccount("")
	if len(t.config.Accounts) > 0 {
		var names []string
		for _, a := range t.config.Accounts {
			names = append(names, a.Name)
		}
		hint = fmt.Sprintf("the accounts in %s are: %s", t.file(), strings.Join(names, ", "))
	}
	return sysexits.Errorf(sysexits.Config, hint, "there is no account %q", name)
}

// firstAccount is a whole account for sender, to be copied.
func (t *Transport) firstAccount(sender string) string {
	domain := "example.org"
	if at := strings.LastIndexByte(sender, '@'); at >= 0 && at+1 < len(sender) {
		domain = sender[at+1:]
	} else {
		sender = "me@" + domain
	}
	return fmt.Sprintf("add to %s:\n\n[account.main]\nfrom      = [%s]\nsmarthost = %s\nuser      = %s\n",
		t.file(), toml(sender), toml("smtps://smtp."+domain), toml(sender))
}

// unclaimed offers the account that has most in common with the sender.
func (t *Transport) unclaimed(sender string) error {
	nearest := t.nearest(sender)
	standIn := fmt.Sprintf("default_account = %s", toml(nearest.Name))
	if sender == "" {
		return sysexits.Errorf(sysexits.Config, fmt.Sprintf("add at the top of %s: %s", t.file(), standIn),
			"no account carries mail with the null sender, such as bounces, because there are several and none is the default one")
	}
	var from []string
	for _, pattern := range append(nearest.From, sender) {
		from = append(from, toml(pattern))
	}
	return sysexits.Errorf(sysexits.Config,
		fmt.Sprintf("set in [account.%s] of %s: from = [%s]; or add at its top: %s",
			nearest.Name, t.file(), strings.Join(from, ", "), standIn),
		"no account carries mail from %s", sender)
}

func (t *Transport) nearest(sender string) *config.Account {
	domain := strings.ToLower(sender[strings.LastIndexByte(sender, '@')+1:])
	for _, a := range t.config.Accounts {
		if _, own, _ := strings.Cut(a.Address(), "@"); strings.EqualFold(own, domain) {
			return a
		}
	}
	return t.config.Accounts[0]
}

// toml is text as a TOML basic string. The sender of a message may hold any
// octet.
func toml(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r >= 0x7f && r < 0xa0:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
