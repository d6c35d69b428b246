// Package dsn writes delivery status notifications: bounces, warnings of a
// delay, receipts, and copies for the postmaster (RFC 3464, RFC 6533), and
// knows the parameters that ask for them (RFC 3461).
package dsn

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"mailcrane/internal/address"
	"mailcrane/internal/header"
	"mailcrane/internal/visible"
)

// A Report tells what became of a message for some of its recipients: plain
// words first, then the fields for programs, then the message (RFC 6522, RFC
// 3464; RFC 6533 where addresses go beyond ASCII).
type Report struct {
	Kind Kind
	// To is the mailbox that the report goes to.
	To string
	// From is the reverse-path of the message; "" where it has no sender.
	From string
	// Domain is that of the address that we send from, for the report's own From;
	// "" is that of To.
	Domain string
	// Preface is what the administrator wants to stand before it all, in lines; "" is
	// nothing.
	Preface string
	// Hostname is the name that we report under.
	Hostname string
	At       time.Time
	// Received is when the message was taken in; zero if it was never queued.
	Received time.Time
	// EnvID is the message's ENVID, as xtext (RFC 3461 section 4.4).
	EnvID string
	// After is how long the message has been waiting, and Until when it is
	// given up, zero where that is not known; for a Delay only.
	After time.Duration
	Until time.Time
	// Recipients are those that it is about; the first maxListed are listed.
	Recipients []Recipient
	// Original is the message, and UTF8 says that it was sent under SMTPUTF8.
	// HeaderOnly returns no more than its header (RFC 3461 section 4.3).
	Original   io.Reader
	UTF8       bool
	HeaderOnly bool
}

// A Recipient is one that a Report is about.
type Recipient struct {
	Address string
	ORcpt   string // "rfc822;" and xtext (RFC 3461 section 4.2), or ""
	Host    string // that said Reply, or ""
	Reply   Reply
	Last    time.Time // when it was tried last; zero for never
	// Success says, in a Receipt, what became of the message.
	Success Success
}

// A Kind says what a Report is for.
type Kind uint8

// The kinds of reports.
const (
	Failure        Kind = iota // a bounce
	Delay                      // it is late, and still tried
	Receipt                    // it arrived, or is out of our hands
	PostmasterCopy             // tells the postmaster of a failure
)

// The bounds of a report, so that one about 100,000 recipients is small.
const (
	// longestLine is the most octets of a line (RFC 5322 section 2.1.1).
	longestLine = 998
	// maxReturned bounds the header that is returned.
	maxReturned = 64 << 10
	// maxListed bounds the recipients that are listed.
	maxListed = 500
	// maxValue bounds the value of a field, so that its line stays below
	// longestLine.
	maxValue = 800
)

// International says that the report is itself sent under SMTPUTF8: its own
// recipient's address needs that. Any other may not be able to take it, and
// gets ASCII (RFC 6533 section 4.5).
func (r *Report) International() bool { return address.NeedsUTF8(r.To) }

// Message is the report's text.
func (r *Report) Message() io.Reader {
	boundary := fmt.Sprintf("report-%016x%016x", rand.Uint64(), rand.Uint64())
	// The start of the original says how its part must be labelled; what is
	// behind it passes unread.
	start, err := io.ReadAll(io.LimitReader(r.Original, maxReturned))
	if err != nil {
		start, r.HeaderOnly = nil, true
	}
	var b bytes.Buffer
	fields := headerOf(start)
	r.head(&b, boundary, fields)
	r.wordsPart(&b, boundary, fields)
	r.statusPart(&b, boundary)
	end := strings.NewReader("\n--" + boundary + "--\n")
	return io.MultiReader(&b, r.originalPart(boundary, start), end)
}

// headerOf is the header of the message that begins with start.
func headerOf(start []byte) *header.Section {
	var scan header.Scan
	length, _, _ := scan.End(start, true)
	return header.Parse(start[:length])
}

// head is the header of the report.
func (r *Report) head(b *bytes.Buffer, boundary string, original *header.Section) {
	domain := r.Domain
	if domain == "" || address.NeedsUTF8(domain) && !r.International() {
		domain = address.Domain(r.To)
	}
	if domain == "" {
		domain = r.Hostname
	}
	to := visible.Line(r.To, maxValue)
	subject, auto := r.subject()
	line := func(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }
	line("Date: %s", stamp(r.At))
	line("From: Mail Delivery Subsystem <MAILER-DAEMON@%s>", visible.Line(domain, maxValue))
	line("To: <%s>", to)
	line("Message-ID: <%016x%016x@%s>", rand.Uint64(), rand.Uint64(), visible.Line(domain, maxValue))
	if id := messageID(original); id != "" {
		// So that a mail program shows it below the message that it is about.
		line("In-Reply-To: %s\nReferences: %s", id, id)
	}
	line("Subject: %s", subject)
	line("Auto-Submitted: auto-generated (%s)", auto)
	line("MIME-Version: 1.0")
	line("Content-Type: multipart/report; report-type=delivery-status;\n boundary=\"%s\"\n", boundary)
}

// subject is what sendmail writes, for the programs that know it by that; and
// its comment in Auto-Submitted.
func (r *Report) subject() (subject, auto string) {
	switch r.Kind {
	case Delay:
		return "Warning: could not send message for past " + spellOut(r.After), "warning-timeout"
	case Receipt:
		return "Return receipt", "return-receipt"
	case PostmasterCopy:
		return "Postmaster notify: see transcript for details", "postmaster-notification"
	}
	return "Returned mail: see transcript for details", "failure"
}

// messageID is the original's, if it is of a shape that can be quoted.
func messageID(original *header.Section) string {
	f, ok := original.Get("Message-ID")
	id := f.Text()
	if !ok || len(id) > maxValue || len(id) < 3 || id[0] != '<' || strings.IndexByte(id, '>') != len(id)-1 {
		return ""
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] >= 0x7f {
			return ""
		}
	}
	return id
}

// listed is the recipients that are named, and the number of the others.
func (r *Report) listed() (named []Recipient, others int) {
	if len(r.Recipients) <= maxListed {
		return r.Recipients, 0
	}
	return r.Recipients[:maxListed], len(r.Recipients) - maxListed
}

// stamp is a date that tells no time zone.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC1123Z) }

// A Success is what there is to say to a recipient's NOTIFY=SUCCESS (RFC 3464
// section 2.3.3).
type Success uint8

// The successes. The zero leaves it to a server further on.
const (
	_         Success = iota
	Relayed           // a server has it that gives no receipts
	Delivered         // it is where its recipient reads it
	Expanded          // other recipients stand in the place of this one
)

func (s Success) String() string {
	return [...]string{"", "relayed", "delivered", "expanded"}[min(s, Expanded)]
}
