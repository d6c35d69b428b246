package watch

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/logbook"
)

// watched is a Watch whose lines end up in the buffer, without their time.
func watched(level int) (*Watch, *bytes.Buffer) {
	var out bytes.Buffer
	h := slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})
	return New(Options{Log: slog.New(logbook.Leveled(h, level)), Now: func() time.Time { return time.Unix(1_000_000_000, 0) }}), &out
}

var client = Peer{Name: "client.example", Addr: netip.MustParseAddr("192.0.2.7"), Port: "MTA"}

// serverEvents are what a server tells, each with sendmail's level and line.
var serverEvents = []struct {
	level int
	line  string
	tell  func(*Watch, *Visit)
}{
	{0, "starting daemon (1.0): SMTP+queueing@01:00:00", func(w *Watch, _ *Visit) { w.Starting("1.0", time.Hour) }},
	{0, "low on space (SMTP-DAEMON needs 1000 octets + MinFreeBlocks in the queue, 5 are free)", func(w *Watch, _ *Visit) { w.LowOnSpace(5, 1000) }},
	{1, "cannot become another user: no such user", func(w *Watch, _ *Visit) { w.CannotBecome(errors.New("no such user")) }},
	{13, "a word has no effect", func(w *Watch, _ *Visit) { w.Questionable("a word has no effect") }},
	{2, "NOQUEUE: lost input channel from client.example [192.0.2.7] to MTA after DATA", func(_ *Watch, v *Visit) { v.Lost(true, false) }},
	{3, "NOQUEUE: timeout waiting for input from client.example [192.0.2.7] during server cmd read", func(_ *Watch, v *Visit) { v.Lost(false, true) }},
	{
		4, "NOQUEUE: ruleset=check_rcpt, arg1=<a@other.example>, relay=client.example [192.0.2.7], reject=550 5.7.1 <a@other.example>... Relaying denied",
		func(_ *Watch, v *Visit) {
			v.Rejected("", "check_rcpt", "<a@other.example>", &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "<a@other.example>... Relaying denied"})
		},
	},
	{
		5, "A1: from=<b@client.example>, size=1234, class=-60, nrcpts=2, msgid=<1@client.example>, bodytype=8BITMIME, proto=ESMTP, daemon=MTA, relay=client.example [192.0.2.7]",
		func(_ *Watch, v *Visit) {
			v.Received(Message{ID: "A1", From: "b@client.example", Size: 1234, Class: -60, Recipients: 2, MessageID: "<1@client.example>", Body: "8BITMIME", Protocol: "ESMTP"})
		},
	},
	{6, "NOQUEUE: client.example [192.0.2.7]: VRFY root", func(_ *Watch, v *Visit) { v.Asked("VRFY", "root") }},
	{7, "NOQUEUE: message size (20) exceeds maximum (10)", func(_ *Watch, v *Visit) { v.TooLarge("", 20, 10) }},
	{9, "NOQUEUE: AUTH=server, relay=client.example [192.0.2.7], authid=jo, mech=PLAIN, bits=0", func(_ *Watch, v *Visit) { v.Authenticated("PLAIN", "jo", nil) }},
	{
		9, "NOQUEUE: STARTTLS=server, relay=client.example [192.0.2.7], version=TLSv1.3, verify=NOT, cipher=TLS_AES_128_GCM_SHA256, bits=128/128",
		func(_ *Watch, v *Visit) {
			v.Secured(&tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256}, "NOT", nil)
		},
	},
	{9, "NOQUEUE: STARTTLS=server, error: accept failed, reason=no cipher, relay=client.example [192.0.2.7]", func(_ *Watch, v *Visit) { v.Secured(nil, "", errors.New("no cipher")) }},
	{10, "NOQUEUE: connect from client.example [192.0.2.7]", func(w *Watch, _ *Visit) { w.Visit(client) }},
	{12, "NOQUEUE: disconnect from client.example [192.0.2.7] after 00:00:00", func(_ *Watch, v *Visit) { v.Ended() }},
	{14, "refused connection from client.example [192.0.2.7]: too many", func(w *Watch, _ *Visit) { w.TurnedAway(client, "too many") }},
	{15, "NOQUEUE: <-- MAIL FROM:<a@b>", func(_ *Watch, v *Visit) { v.Heard("MAIL FROM:<a@b>") }},
	{15, "NOQUEUE: --- 250 2.0.0 OK", func(_ *Watch, v *Visit) { v.Said("250 2.0.0 OK") }},
}

// Coverage: B60, B61.
func TestServerEventsAppearExactlyFromTheirLevel(t *testing.T) {
	for _, e := range serverEvents {
		for _, level := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 20, 30, 65, 99} {
			w, out := watched(level)
			v := w.Visit(client)
			out.Reset()
			e.tell(w, v)
			if got := strings.Contains(out.String(), `msg="`+e.line+`"`); got != (level >= e.level) {
				t.Errorf("at %d, is told: %v: %s\n%s", level, got, e.line, out)
			}
		}
	}
}

func TestWhatAClientSaysCannotForgeALine(t *testing.T) {
	w, out := watched(99)
	v := w.Visit(Peer{Name: "a\nfake: line\x1b[2J", Addr: netip.MustParseAddr("2001:db8::1"), Port: "MTA"})
	hostile := "x\r\nNov 22 00:00:00 forged\x00\x9b" + strings.Repeat("y", 1<<16)
	v.Rejected("", "check_mail", hostile, &smtp.SMTPError{Code: 553, Message: hostile})
	v.Received(Message{ID: "A", From: hostile, MessageID: hostile, Body: hostile, Protocol: hostile})
	v.Authenticated(hostile, hostile, errors.New(hostile))
	v.Authenticated(hostile, hostile, nil)
	v.Lost(true, false)
	v.Malformed(hostile, hostile, hostile)
	v.Asked(hostile, hostile)
	v.Heard(hostile)
	v.Discarded(hostile, hostile)
	lines := strings.SplitAfter(out.String(), "\n")
	if len(lines) != 11 {
		t.Errorf("%d lines of 10", len(lines)-1)
	}
	for _, line := range lines {
		if strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\r\n\x00\x1b\u009b") || len(line) > 16<<10 {
			t.Errorf("not fit for a log, of %d octets: %.300q", len(line), line)
		}
	}
}
