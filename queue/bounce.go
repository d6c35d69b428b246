package queue

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// expired turns the last deferral of a message that is too old into a
// failure (RFC 3463: 4.4.7).
func expired(o Outcome, age time.Duration) Outcome {
	return Outcome{Failed, Reply{
		Enhanced: "4.4.7",
		Text:     fmt.Sprintf("tried for %s without success; the last answer was: %s", spell(age), o.reply),
	}, o.host}
}

// spell is a time in plain words, in its largest unit.
func spell(d time.Duration) string {
	unit := func(n int64, name string) string {
		if n == 1 {
			return "1 " + name
		}
		return fmt.Sprintf("%d %ss", n, name)
	}
	switch {
	case d >= 24*time.Hour:
		return unit(int64(d/(24*time.Hour)), "day")
	case d >= time.Hour:
		return unit(int64(d/time.Hour), "hour")
	}
	return unit(int64(d/time.Minute), "minute")
}

// bounce queues a report for the recipients that failed and want one, and
// returns the record that says so. A message with the null reverse-path gets
// no report, which would make a loop (RFC 5321 section 4.5.5): it is held, so
// that a person sees it.
func (r *Runner) bounce(route Route, m *Message, records []Record) (Record, error) {
	note := Record{At: r.Now(), To: -1, Event: "bounced", Route: route}
	var failed []Record
	for _, rec := range records {
		if rec.Event == Failed.String() && wantsFailure(m.Envelope.To[rec.To]) {
			failed = append(failed, rec)
		}
	}
	switch {
	case m.Envelope.From == "":
		note.Event, note.Text = "held", "it could not be delivered, and it has no sender to tell: read it, then remove it"
		return note, nil
	case len(failed) == 0:
		note.Event, note.Text = "unreported", "the sender asked for no report (NOTIFY)"
		return note, nil
	}
	to := r.Router.ReturnTo(m.Envelope)
	report := &Envelope{
		To:        []Recipient{{Address: to, Notify: "NEVER"}},
		UTF8:      m.Envelope.UTF8,
		Account:   string(route),
		Submitter: "mailcrane, because " + string(m.Name.ID) + " failed",
		Received:  r.Now(),
	}
	id, err := r.Spool.Put(context.Background(), report, r.reportOn(m, to, failed))
	note.Text = "a report went to " + to + " as " + string(id)
	return note, err
}

// wantsFailure follows RFC 3461 section 4.1: without NOTIFY, failures are
// reported.
func wantsFailure(to Recipient) bool {
	return to.Notify == "" || strings.Contains(to.Notify, "FAILURE")
}

// reportOn is a multipart/report (RFC 6522) with delivery status (RFC 3464):
// plain words first, then the fields for programs, then the message.
func (r *Runner) reportOn(m *Message, to string, failed []Record) io.Reader {
	boundary := fmt.Sprintf("report-%016x%016x", rand.Uint64(), rand.Uint64())
	domain := r.Hostname
	if _, d, ok := strings.Cut(to, "@"); ok {
		domain = d
	}
	now := r.Now().UTC().Format(time.RFC1123Z)
	var b bytes.Buffer
	fmt.Fprintf(&b, "Date: %s\nFrom: Mail Delivery Subsystem <MAILER-DAEMON@%s>\nTo: <%s>\n", now, domain, to)
	fmt.Fprintf(&b, "Message-ID: <%016x.%s@%s>\n", rand.Uint64(), m.Name.ID, domain)
	fmt.Fprintf(&b, "Subject: Returned mail: see transcript for details\n")
	fmt.Fprintf(&b, "Auto-Submitted: auto-generated (failure)\nMIME-Version: 1.0\n")
	fmt.Fprintf(&b, "Content-Type: multipart/report; report-type=delivery-status;\n boundary=\"%s\"\n", boundary)
	fmt.Fprintf(&b, "\n--%s\nContent-Type: text/plain; charset=utf-8\n", boundary)
	if !ascii(failed) {
		fmt.Fprintf(&b, "Content-Transfer-Encoding: 8bit\n")
	}
	fmt.Fprintf(&b, "\nYour message of %s was not delivered to:\n", m.Envelope.Received.UTC().Format(time.RFC1123Z))
	for _, f := range failed {
		fmt.Fprintf(&b, "\n  %s\n    because: %s\n", f.Address, f.Reply())
		if f.Host != "" {
			fmt.Fprintf(&b, "    so said: %s\n", f.Host)
		}
	}
	fmt.Fprintf(&b, "\nIt will not be tried again. Correct the address or the message and send it\nonce more; the message is attached below.\n")
	r.statusOn(&b, boundary, m, failed)
	return io.MultiReader(&b, m.returned(boundary), strings.NewReader("\n--"+boundary+"--\n"))
}

// statusOn is the message/delivery-status part (RFC 3464 section 2).
func (r *Runner) statusOn(b *bytes.Buffer, boundary string, m *Message, failed []Record) {
	fmt.Fprintf(b, "\n--%s\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; %s\n", boundary, r.Hostname)
	if m.Envelope.EnvID != "" {
		fmt.Fprintf(b, "Original-Envelope-Id: %s\n", m.Envelope.EnvID)
	}
	fmt.Fprintf(b, "Arrival-Date: %s\n", m.Envelope.Received.UTC().Format(time.RFC1123Z))
	for _, f := range failed {
		fmt.Fprintf(b, "\n")
		if orcpt := m.Envelope.To[f.To].ORcpt; orcpt != "" {
			fmt.Fprintf(b, "Original-Recipient: %s\n", strings.Replace(orcpt, ";", "; ", 1))
		}
		status := f.Enhanced
		if status == "" {
			status = "5.0.0"
		}
		fmt.Fprintf(b, "Final-Recipient: rfc822; %s\nAction: failed\nStatus: %s\n", f.Address, status)
		if f.Host != "" {
			fmt.Fprintf(b, "Remote-MTA: dns; %s\n", f.Host)
		}
		if f.Code != 0 {
			fmt.Fprintf(b, "Diagnostic-Code: smtp; %s\n", f.Reply())
		}
		fmt.Fprintf(b, "Last-Attempt-Date: %s\n", f.At.UTC().Format(time.RFC1123Z))
	}
}

// returned is the part that holds the message: whole, or its header alone
// where that was asked for (RFC 3461 section 4.3) or where the whole would
// not pass every server, so that the report itself always arrives.
func (m *Message) returned(boundary string) io.Reader {
	c := m.Name.Content
	if m.Envelope.Ret != "HDRS" && !c.Binary && !c.LongLine {
		encoding := "7bit"
		if c.EightBit {
			encoding = "8bit"
		}
		head := fmt.Sprintf("\n--%s\nContent-Type: message/rfc822\nContent-Transfer-Encoding: %s\n\n", boundary, encoding)
		return io.MultiReader(strings.NewReader(head), m.Open())
	}
	head := fmt.Sprintf("\n--%s\nContent-Type: text/rfc822-headers\n\n", boundary)
	return io.MultiReader(strings.NewReader(head), bytes.NewReader(m.headerSection()))
}

// headerSection is the message's header, at most 64 KiB of it, fit for any
// server: octets that are not printable ASCII show as question marks, and
// lines are cut at the length of RFC 5322.
func (m *Message) headerSection() []byte {
	text, err := io.ReadAll(io.LimitReader(m.Open(), 64<<10))
	if err != nil {
		return nil
	}
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

func ascii(records []Record) bool {
	for _, r := range records {
		if hasEightBit([]byte(r.Address + r.Text + r.Host)) {
			return false
		}
	}
	return true
}
