package msp

import (
	"slices"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/internal/header"
)

// fixUp makes the changes that a submission agent makes to a header (RFC 6409
// section 8, and sendmail's own), and no other: every field that is not named
// here stays octet for octet.
func (s *submission) fixUp() {
	h := s.header
	for _, name := range [...]string{"Return-Path", "Full-Name", "Content-Length"} {
		h.Delete(name)
	}
	s.hideBcc()
	s.nameRecipients()
	if !s.inv.Gateway {
		s.qualifyHeader()
	}
	h.Insert(0, s.generated()...)
}

// hideBcc takes Bcc out, or empties it where nothing else would say that the
// message has recipients (RFC 5322 section 3.6.3).
func (s *submission) hideBcc() {
	h := s.header
	named := false
	for _, name := range [...]string{"To", "Cc", "Apparently-To", "Resent-To", "Resent-Cc"} {
		named = named || h.Has(name)
	}
	for _, name := range [...]string{"Bcc", "Resent-Bcc"} {
		switch {
		case !h.Has(name):
		case named:
			h.Delete(name)
		default:
			h.Set(name, "")
		}
	}
}

// nameRecipients is NoRecipientAction.
func (s *submission) nameRecipients() {
	h := s.header
	for _, name := range [...]string{"To", "Cc", "Bcc", "Apparently-To", "Resent-To", "Resent-Cc", "Resent-Bcc"} {
		if h.Has(name) {
			return
		}
	}
	name, body := "", ""
	switch s.set.NoRecipient {
	case config.LeaveHeader:
		return
	case config.AddTo:
		name, body = "To", s.recipientList()
	case config.AddApparentlyTo:
		name, body = "Apparently-To", s.recipientList()
	case config.AddBcc:
		name = "Bcc"
	case config.AddUndisclosed:
		name, body = "To", "undisclosed-recipients:;"
	}
	h.Insert(len(h.Fields), header.New(name, body, h.EOL))
}

// recipientList is the recipients folded one a line.
func (s *submission) recipientList() string {
	all := make([]string, len(s.envelope.To))
	for i, r := range s.envelope.To {
		all[i] = r.Address
	}
	return strings.Join(all, ","+s.header.EOL+"\t")
}

// qualifyHeader completes the addresses without a domain in the fields that
// hold addresses.
func (s *submission) qualifyHeader() {
	for i, f := range s.header.Fields {
		switch {
		case isOne(f, "From", "Sender", "Reply-To", "Errors-To", "Return-Receipt-To", "Resent-From", "Resent-Sender", "Resent-Reply-To"):
			s.header.Fields[i] = s.qualifyField(f, s.qualify)
		case isOne(f, "To", "Cc", "Apparently-To", "Resent-To", "Resent-Cc"):
			s.header.Fields[i] = s.qualifyField(f, s.qualifyTo)
		}
	}
}

// isOne says that the field has one of the names.
func isOne(f header.Field, names ...string) bool {
	return slices.ContainsFunc(names, f.Is)
}

// qualifyTo is qualify for a recipient: a local user stands for the one address
// that mail to that user goes to, and a server's names are all its own.
func (s *submission) qualifyTo(name string) string {
	if s.isServer() || s.isLocal(name) {
		if all, failure := s.resolve(name); failure == nil && len(all) == 1 {
			return all[0]
		}
	}
	return s.qualify(name)
}

// qualifyField changes the addresses without a domain and nothing around them.
// Names that only white space divides are addresses, and get their commas,
// where all of them are people of this machine; else they are words.
func (s *submission) qualifyField(f header.Field, qualify func(name string) string) header.Field {
	body := f.Body()
	list, _ := address.ParseList(string(body))
	var out []byte
	done := 0
	for i, box := range list {
		if box.Address == "" || address.Domain(box.Address) != "" || special(box.Address) != "" {
			continue
		}
		if box.Word && !s.isLocal(box.Address) {
			continue
		}
		out = append(out, body[done:box.Start]...)
		out = append(out, qualify(box.Address)...)
		done = box.End
		if box.Word && i+1 < len(list) && list[i+1].Word && noComma(body[box.End:list[i+1].Start]) {
			out = append(out, ',')
		}
	}
	if out == nil {
		return f
	}
	return f.WithBody(append(out, body[done:]...))
}

func noComma(between []byte) bool {
	return strings.Trim(string(between), " \t\r\n") == ""
}
