package queue

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// A Report tells a sender which recipients a message did not reach: plain
// words first, then the fields for programs, then the message
// (RFC 6522, RFC 3464).
type Report struct {
	// To is the mailbox that the report goes to.
	To string
	// Hostname is the name that we report under.
	Hostname string
	At       time.Time
	// Account carries the report; "" lets the router choose.
	Account string
	// ID and Received are the message's; zero if it was never queued.
	ID       ID
	Received time.Time
	EnvID    string
	UTF8     bool
	Failed   []FailedRecipient
	// Original is the message. HeaderOnly returns no more than its header
	// (RFC 3461 section 4.3).
	Original   io.Reader
	HeaderOnly bool
}

// A FailedRecipient is one that the message will never reach.
type FailedRecipient struct {
	Address string
	ORcpt   string // as in Recipient
	Host    string // that refused it, or ""
	Reply   Reply
}

// maxReturned bounds the header that is returned.
const maxReturned = 64 << 10

// Envelope is the report's own: from the null reverse-path, so that nothing
// can come back for it (RFC 5321 section 4.5.5).
func (r *Report) Envelope() *Envelope {
	by := "mailcrane, for a message that could not be queued"
	if r.ID != "" {
		by = "mailcrane, because " + string(r.ID) + " failed"
	}
	return &Envelope{
		To:   []Recipient{{Address: r.To, Notify: "NEVER"}},
		UTF8: r.UTF8, Account: r.Account, Submitter: by, Received: r.At,
	}
}

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
	r.words(&b, boundary)
	r.status(&b, boundary)
	end := strings.NewReader("\n--" + boundary + "--\n")
	if r.HeaderOnly {
		fmt.Fprintf(&b, "\n--%s\nContent-Type: text/rfc822-headers\n\n", boundary)
		b.Write(headerSection(start))
		return io.MultiReader(&b, end)
	}
	// 8bit is right for any lines of text; where all turns out to be ASCII it
	// does no harm.
	fmt.Fprintf(&b, "\n--%s\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\n", boundary)
	b.Write(start)
	return io.MultiReader(&b, r.Original, end)
}

// words is the header of the report and the part that a person reads.
func (r *Report) words(b *bytes.Buffer, boundary string) {
	domain := r.Hostname
	if at := strings.LastIndexByte(r.To, '@'); at >= 0 {
		domain = r.To[at+1:]
	}
	line := func(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }
	line("Date: %s", stamp(r.At))
	line("From: Mail Delivery Subsystem <MAILER-DAEMON@%s>", domain)
	line("To: <%s>", r.To)
	line("Message-ID: <%016x%016x@%s>", rand.Uint64(), rand.Uint64(), domain)
	line("Subject: Returned mail: see transcript for details")
	line("Auto-Submitted: auto-generated (failure)")
	line("MIME-Version: 1.0")
	line("Content-Type: multipart/report; report-type=delivery-status;\n boundary=\"%s\"\n", boundary)
	line("--%s\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n", boundary)
	when := ""
	if !r.Received.IsZero() {
		when = " of " + stamp(r.Received)
	}
	line("Your message%s was not delivered to:", when)
	for _, f := range r.Failed {
		line("\n  %s\n    because: %s", f.Address, f.Reply)
		if f.Host != "" {
			line("    so said: %s", f.Host)
		}
	}
	line("\nIt will not be tried again. Correct the address or the message and send it\nonce more; what you sent is attached below.")
}

// status is the message/delivery-status part (RFC 3464 section 2).
func (r *Report) status(b *bytes.Buffer, boundary string) {
	line := func(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }
	line("\n--%s\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; %s", boundary, r.Hostname)
	if r.EnvID != "" {
		line("Original-Envelope-Id: %s", r.EnvID)
	}
	if !r.Received.IsZero() {
		line("Arrival-Date: %s", stamp(r.Received))
	}
	for _, f := range r.Failed {
		line("")
		if f.ORcpt != "" {
			line("Original-Recipient: %s", strings.Replace(f.ORcpt, ";", "; ", 1))
		}
		status := f.Reply.Enhanced
		if status == "" {
			status = "5.0.0"
		}
		line("Final-Recipient: rfc822; %s\nAction: failed\nStatus: %s", f.Address, status)
		if f.Host != "" {
			line("Remote-MTA: dns; %s", f.Host)
		}
		if f.Reply.Code != 0 {
			line("Diagnostic-Code: smtp; %s", f.Reply)
		}
		line("Last-Attempt-Date: %s", stamp(r.At))
	}
}

// stamp is a date that tells no time zone.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC1123Z) }

// headerSection is the header at the start of a message, fit for any server:
// octets that are not printable ASCII show as question marks, and lines are
// cut at the length of RFC 5322.
func headerSection(text []byte) []byte {
	var out []byte
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		line = bytes.Map(func(r rune) rune {
			if r != '\t' && (r < ' ' || r > '~') {
				return '?'
			}
			return r
		}, line[:min(len(line), longestLine)])
		out = append(append(out, line...), '\n')
	}
	return out
}
