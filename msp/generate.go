package msp

import (
	"encoding/hex"
	"io"
	"strings"
	"time"

	"mailcrane/internal/address"
	"mailcrane/internal/header"
)

// neutral stands where the name of this machine would: it tells nothing.
const neutral = "localhost.localdomain"

// dateForm is the date-time of RFC 5322 section 3.3.
const dateForm = "Mon, 02 Jan 2006 15:04:05 -0700"

// generated makes the fields that go on top: the trace field always, the
// others where the message lacks them.
func (s *submission) generated() []header.Field {
	h := s.header
	fields := make([]header.Field, 0, 4)
	if !s.machine { // whose agent says where it came from, since it knows
		fields = append(fields, s.received())
		for _, warning := range s.authWarnings() {
			fields = append(fields, s.field("X-Authentication-Warning", s.hostname(), ": ", warning))
		}
	}
	prefixes := []string{""}
	if s.resent() {
		prefixes = []string{"Resent-", ""}
	}
	for _, prefix := range prefixes {
		if !h.Has(prefix + "Date") {
			fields = append(fields, s.field(prefix+"Date", s.date()))
		}
		if !h.Has(prefix + "From") {
			fields = append(fields, s.field(prefix+"From", s.from()))
		}
		if !h.Has(prefix + "Message-ID") {
			fields = append(fields, s.field(prefix+"Message-ID", s.messageID()))
		}
	}
	return fields
}

// field is a field whose body has these parts. The fields of a message lie in
// one piece of memory: in a process as short as this one, a size that has not
// been asked for before costs two page faults.
func (s *submission) field(name string, body ...string) header.Field {
	b := s.generatedText
	if b == nil {
		b = make([]byte, 0, 512)
	}
	start := len(b)
	b = append(append(b, name...), ": "...)
	for _, part := range body {
		b = append(b, part...)
	}
	b = append(b, s.header.EOL...)
	s.generatedText = b
	return header.Field{Raw: b[start:len(b):len(b)]}
}

// received is the trace field (RFC 5321 section 4.4). With privacy it says
// when, and nothing of who and where.
func (s *submission) received() header.Field {
	const name = "Received"
	date := s.stamp(s.Now())
	with := ""
	if s.inv.Protocol != "" {
		with = " with " + atom(s.inv.Protocol)
	}
	if s.cfg.Privacy {
		return s.field(name, "by ", neutral, " (mailcrane)", with, "; ", date)
	}
	from := "(from " + atom(s.login()) + "@localhost)"
	if s.inv.Peer != "" {
		from = "from " + atom(s.inv.Peer)
	}
	fold := s.header.EOL + "\t"
	recipient := ""
	if to := s.envelope.To; len(to) == 1 {
		recipient = fold + "for <" + to[0].Address + ">"
	}
	return s.field(name, from, fold, "by ", s.hostname(), " (mailcrane)", with, recipient, "; ", date)
}

// atom is text in which anything but an RFC 5322 atom's characters and dots
// became "_".
func atom(text string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && !strings.ContainsRune(`()<>[]:;@\,"`, r) {
			return r
		}
		return '_'
	}, text[:min(len(text), 100)])
}

// stamp writes a time; with privacy without telling the time zone.
func (s *submission) stamp(t time.Time) string {
	if s.cfg.Privacy {
		t = t.UTC()
	}
	return t.Format(dateForm)
}

// date is now, or what the mbox line said.
func (s *submission) date() string {
	now := s.Now()
	if words := strings.Fields(s.fromLine); len(words) >= 7 {
		text := strings.Join(words[2:7], " ")
		if t, err := time.ParseInLocation("Mon Jan 2 15:04:05 2006", text, now.Location()); err == nil {
			return s.stamp(t)
		}
	}
	return s.stamp(now)
}

// messageID is unique by 128 random bits, at the domain of the author.
func (s *submission) messageID() string {
	var bits [16]byte
	if _, err := io.ReadFull(s.Rand, bits[:]); err != nil {
		// The time and the process still tell messages of one person apart.
		copy(bits[:], s.Now().UTC().Format("20060102150405.000000000"))
	}
	random := hex.EncodeToString(bits[:])
	if s.cfg.Privacy {
		return "<" + random + "@" + s.authorDomain() + ">"
	}
	return "<" + s.Now().UTC().Format("200601021504") + "." + random + "@" + s.hostname() + ">"
}

// authorDomain is ASCII, so that no field of ours makes a message one that
// needs SMTPUTF8.
func (s *submission) authorDomain() string {
	for _, a := range [...]string{s.author(), s.envelope.From, s.own} {
		if domain := address.Domain(a); domain != "" && !address.NeedsUTF8(domain) {
			return domain
		}
	}
	return neutral
}

// from is the author of a message that names none.
func (s *submission) from() string {
	if s.envelope.From == "" {
		return "MAILER-DAEMON@" + s.domain()
	}
	name := phrase(s.fullName(), s.header.EOL+" ")
	if name == "" {
		return s.envelope.From
	}
	return name + " <" + s.envelope.From + ">"
}

// fullName is -F, else $NAME, else, without privacy, the password file's.
func (s *submission) fullName() string {
	if s.inv.FullName != "" {
		return s.inv.FullName
	}
	if name := s.Getenv("NAME"); name != "" || s.cfg.Privacy {
		return name
	}
	u, _ := s.Users.ByID(s.Getuid())
	return u.FullName
}
