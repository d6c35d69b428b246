package msp

import (
	"strconv"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

// chooseSender sets the reverse-path: -f; else the author, where an account
// is set up to send for that address; else the person's own address; else
// the login name at this machine.
func (s *submission) chooseSender() error {
	if s.inv.HasSender {
		from, err := address.Parse(s.inv.Sender)
		if err == nil && from != "" {
			from = s.qualify(withoutLocalhost(from))
			err = address.Valid(from)
		}
		if err != nil {
			return sysexits.Errorf(sysexits.Usage, "", "%s... bad sender address: %w", address.Shown(s.inv.Sender), err)
		}
		s.envelope.From = from
		return nil
	}
	author := s.author()
	for _, a := range s.cfg.Accounts {
		if author != "" && a.Claims(author) {
			s.envelope.From = author
			return nil
		}
	}
	switch {
	case s.inv.Mode == Arpanet && author != "":
		s.envelope.From = author
	case s.own != "":
		s.envelope.From = s.own
	default:
		s.envelope.From = address.Quote(s.login()) + "@" + s.hostname()
	}
	return nil
}

// author is the one valid address of From, or of Resent-From; "" where there
// is none, or more than one.
func (s *submission) author() string {
	name := "From"
	if s.resent() {
		name = "Resent-From"
	}
	if s.header.Count(name) != 1 {
		return ""
	}
	f, _ := s.header.Get(name)
	list, bad := address.ParseList(string(f.Body()))
	if len(list) != 1 || len(bad) > 0 || list[0].Address == "" {
		return ""
	}
	author := s.qualify(list[0].Address)
	if address.Valid(author) != nil {
		return ""
	}
	return author
}

// qualify completes a name without a domain: a local user's is the person's
// own address, any other gets the domain of that.
func (s *submission) qualify(name string) string {
	if address.Domain(name) != "" {
		return name
	}
	if s.own != "" && s.isLocal(name) {
		return s.own
	}
	return name + "@" + s.domain()
}

// submitter is one line for the story of the message, which never leaves this
// machine.
func (s *submission) submitter() string {
	var b strings.Builder
	b.WriteString(s.inv.Program)
	if s.inv.FromHeader {
		b.WriteString(" -t")
	}
	b.WriteString(", uid ")
	b.WriteString(strconv.Itoa(s.Getuid()))
	if name := s.Getenv("LOGNAME"); name != "" {
		b.WriteString(" (" + name + ")")
	}
	if s.inv.Tag != "" {
		b.WriteString(", tag " + s.inv.Tag)
	}
	return address.Shown(b.String())
}

// authWarnings are the lines that sendmail adds with
// PrivacyOptions=authwarnings where a user has had more than a plain say.
func (s *submission) authWarnings() []string {
	if s.cfg.Privacy || !s.set.Privacy.Has(config.AuthWarnings) {
		return nil
	}
	login := s.login()
	if login == "root" || login == "daemon" || login == "uucp" {
		return nil
	}
	var lines []string
	local, domain := address.Split(s.envelope.From)
	himself := s.inv.Sender == login || s.cfg.System.Used() && s.envelope.From == s.own || local == login && domain == s.hostname()
	if s.inv.HasSender && !himself {
		lines = append(lines, login+" set sender to "+address.Shown(s.inv.Sender)+" using -f")
	}
	if s.inv.ConfigFile != "" {
		lines = append(lines, "Processed by "+login+" with -C "+address.Shown(s.inv.ConfigFile))
	}
	if s.inv.QueueDirectory != "" {
		lines = append(lines, "Processed from queue "+address.Shown(s.inv.QueueDirectory))
	}
	return lines
}
