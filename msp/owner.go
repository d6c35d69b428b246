package msp

import (
	"strconv"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// Whose message it is where one agent keeps the mail of all users: the kernel
// says who handed it in, and nothing in the message or its envelope does.

// speakFor makes the program that of the user with that ID, in digits, for whom
// the agent works; "" leaves it as it is. The environment is the agent's, and
// says nothing of that user.
func (p *Program) speakFor(owner string) {
	if owner == "" {
		return
	}
	uid, err := strconv.Atoi(owner)
	if err != nil {
		uid = -1 // whoever that is has no name and may nothing
	}
	p.Getuid = func() int { return uid }
	p.Getenv = func(string) string { return "" }
}

// named is who handed the message in, with the login name by the user ID.
func (s *submission) named(e *queue.Envelope) string {
	if e.Owner == "" {
		return e.Submitter
	}
	u, ok := s.Users.ByID(s.Getuid())
	if !ok {
		return e.Submitter
	}
	return strings.Replace(e.Submitter, "uid "+e.Owner, "uid "+e.Owner+" ("+address.Shown(u.Name)+")", 1)
}

// ownAddress is the person's own address: that of the default account. On a
// machine whose users share one, a further address of an account that begins
// with the login name is that user's.
func (s *submission) ownAddress() string {
	if s.cfg.DefaultAccount == nil {
		return ""
	}
	if s.cfg.System.Used() {
		if u, ok := s.Users.ByID(s.Getuid()); ok {
			for from := range personal(s.cfg) {
				if local, _ := address.Split(from); strings.EqualFold(local, u.Name) {
					return from
				}
			}
		}
	}
	return s.cfg.DefaultAccount.Address()
}

// personal is the addresses of the accounts that may be one user's: all that are
// named in full, but for each account's own, by which everybody writes.
func personal(cfg *config.Config) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, a := range cfg.Accounts {
			for _, from := range a.From {
				if !strings.Contains(from, "*") && from != a.Address() && !yield(from) {
					return
				}
			}
		}
	}
}

// mayBeSender refuses a message that is from another user's address, by its
// envelope or by its header. Whom sendmail trusts may send as anybody.
func (s *submission) mayBeSender() error {
	if !s.cfg.System.Used() || s.trusted() {
		return nil
	}
	if err := s.mayUse(s.envelope.From); err != nil {
		return err
	}
	for _, f := range s.header.Fields {
		if !isOne(f, "From", "Sender", "Resent-From", "Resent-Sender") {
			continue
		}
		list, bad := address.ParseList(string(f.Body()))
		if len(bad) > 0 { // which other programs may read otherwise
			list = append(list, s.namedIn(f.Body())...)
		}
		for _, box := range list {
			if err := s.mayUse(box.Address); err != nil {
				return err
			}
		}
	}
	return nil
}

// trusted says that the user is one of sendmail's class t by default.
func (s *submission) trusted() bool {
	if s.Getuid() == 0 {
		return true
	}
	u, ok := s.Users.ByID(s.Getuid())
	return ok && (u.Name == "daemon" || u.Name == "uucp")
}

func (s *submission) mayUse(sender string) error {
	for from := range personal(s.cfg) {
		if !strings.EqualFold(from, bare(sender)) {
			continue
		}
		local, _ := address.Split(from)
		u, ok := s.Users.ByName(strings.ToLower(local))
		if ok && u.UID != s.Getuid() {
			return sysexits.Errorf(sysexits.NoPerm, "send it from your own address, or without -f",
				"%s is the address of the user %s of this machine, and uid %d may not send as that", address.Shown(from), u.Name, s.Getuid())
		}
	}
	return nil
}

// namedIn are the addresses of users that text holds in any form.
func (s *submission) namedIn(text []byte) (list []address.Mailbox) {
	plain := strings.ToLower(strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n\"\\", r) {
			return -1
		}
		return r
	}, string(text)))
	for from := range personal(s.cfg) {
		if strings.Contains(plain, strings.ToLower(from)) {
			list = append(list, address.Mailbox{Address: from})
		}
	}
	return list
}

// bare is joe@example.org for joe+anything@example.org and "joe"@example.org:
// servers take them for the same person.
func bare(sender string) string {
	local, domain := address.Split(sender)
	local = strings.NewReplacer(`"`, "", `\\`, "").Replace(local)
	if base, _, detail := strings.Cut(local, "+"); detail && base != "" {
		local = base
	}
	return local + "@" + domain
}
