package watch

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/logbook"
	"mailcrane/mta/trace"
)

// A Visit is one client, from its connection to its end. Its methods are called
// one at a time.
type Visit struct {
	watch *Watch
	Peer  Peer
	began time.Time
}

// Visit tells that a client has connected.
func (w *Watch) Visit(p Peer) *Visit {
	v := &Visit{watch: w, Peer: p, began: w.now()}
	w.Metrics.connections.WithLabelValues(p.port(), "accepted").Inc()
	w.Metrics.clients.WithLabelValues(p.port()).Inc()
	v.line(logbook.Connections, "", "connect from "+p.Relay(), "connect")
	return v
}

func (w *Watch) now() time.Time {
	if w.Now == nil {
		return time.Now()
	}
	return w.Now()
}

func (v *Visit) line(level logbook.Level, id, line, event string, facts ...slog.Attr) {
	if level < logbook.Commands {
		v.trace(trace.Note, line, 0)
	}
	if !logbook.Wants(v.watch.Log, level) {
		return
	}
	all := v.Peer.facts(event)
	if id != "" {
		all = append(all, slog.String("id", id))
	}
	logbook.Line(v.watch.Log, level, ofMessage(id, line), append(all, facts...)...)
}

// Ended tells that the connection is over.
func (v *Visit) Ended() {
	v.watch.Metrics.clients.WithLabelValues(v.Peer.port()).Dec()
	took := v.watch.now().Sub(v.began)
	v.line(logbook.Outgoing, "", "disconnect from "+v.Peer.Relay()+" after "+clockTime(took), "disconnect", slog.Float64("seconds", took.Seconds()))
}

// Rejected tells that a rule, in sendmail's words check_relay, check_mail, …,
// has refused arg1 with a reply. id is the message, where there is one.
func (v *Visit) Rejected(id, rule, arg1 string, reply *smtp.SMTPError) {
	v.watch.Metrics.rejected(rule, reply.Code)
	text := replyText(reply)
	v.line(logbook.Refusals, id, fmt.Sprintf("ruleset=%s, arg1=%s, relay=%s, reject=%s", words(rule), words(arg1), v.Peer.Relay(), text), "reject",
		slog.String("ruleset", words(rule)), slog.String("arg1", words(arg1)), slog.String("reject", text))
}

// replyText is a reply as sendmail logs it: 550 5.7.1 and its words.
func replyText(r *smtp.SMTPError) string {
	text := strconv.Itoa(r.Code)
	if e := r.EnhancedCode; e[0] > 0 {
		text += fmt.Sprintf(" %d.%d.%d", e[0], e[1], e[2])
	}
	return words(text + " " + r.Message)
}

// A Message is one that is in the queue now.
type Message struct {
	ID, From string
	// Size in octets, Class sendmail's: 0, and below that for bulk.
	Size       int64
	Class      int
	Recipients int
	// MessageID as it stands in the header, with its brackets.
	MessageID string
	// Body is BODY= of MAIL, "" where it said none; Protocol that of Received.
	Body, Protocol string
	// Put is how long it took to make it durable.
	Put time.Duration
}

// Received tells that a message is taken in: it is in the queue, durable.
func (v *Visit) Received(m Message) {
	v.watch.Metrics.received(m)
	var b strings.Builder
	fmt.Fprintf(&b, "from=%s, size=%d, class=%d, nrcpts=%d", path(m.From), m.Size, m.Class, m.Recipients)
	if m.MessageID != "" {
		b.WriteString(", msgid=" + words(m.MessageID))
	}
	if m.Body != "" {
		b.WriteString(", bodytype=" + words(m.Body))
	}
	fmt.Fprintf(&b, ", proto=%s, daemon=%s, relay=%s", words(m.Protocol), v.Peer.port(), v.Peer.Relay())
	v.line(logbook.Statistics, m.ID, b.String(), "received",
		slog.String("from", words(m.From)), slog.Int64("size", m.Size), slog.Int("class", m.Class), slog.Int("nrcpts", m.Recipients),
		slog.String("msgid", words(m.MessageID)), slog.String("bodytype", words(m.Body)), slog.String("proto", words(m.Protocol)),
		slog.Float64("put_seconds", m.Put.Seconds()))
}

// Discarded tells that a message was taken from the client and kept by nobody.
func (v *Visit) Discarded(from, rule string) {
	v.watch.Metrics.messages.WithLabelValues("discarded").Inc()
	v.line(logbook.Refusals, "", fmt.Sprintf("ruleset=%s, arg1=%s, relay=%s, discard", words(rule), path(from), v.Peer.Relay()), "discard",
		slog.String("ruleset", words(rule)), slog.String("from", words(from)))
}

// TooLarge tells that a message was refused for its size; size is what was
// declared, or what came.
func (v *Visit) TooLarge(id string, size, most int64) {
	v.watch.Metrics.messages.WithLabelValues("too-large").Inc()
	v.line(logbook.Failures, id, fmt.Sprintf("message size (%d) exceeds maximum (%d)", size, most), "too-large",
		slog.Int64("size", size), slog.Int64("most", most))
}

// Authenticated tells how a log-in ended; why is nil for one that succeeded.
// user is what the client claims to be.
func (v *Visit) Authenticated(mechanism, user string, why error) {
	v.watch.Metrics.auth(mechanism, why == nil)
	facts := []slog.Attr{slog.String("mech", words(mechanism)), slog.String("authid", words(user))}
	if why != nil {
		v.line(logbook.Deferrals, "", fmt.Sprintf("AUTH failure (%s): %s, user=%s, relay=%s", words(mechanism), words(why.Error()), words(user), v.Peer.Relay()), "auth-failed", facts...)
		return
	}
	v.line(logbook.Deferrals, "", fmt.Sprintf("AUTH=server, relay=%s, authid=%s, mech=%s, bits=0", v.Peer.Relay(), words(user), words(mechanism)), "auth", facts...)
}

// Secured tells how a TLS handshake ended; verify is sendmail's word about the
// client's certificate. state is not read where why is not nil.
func (v *Visit) Secured(state *tls.ConnectionState, verify string, why error) {
	if why != nil {
		v.watch.Metrics.tls.WithLabelValues("none", "failed").Inc()
		v.line(logbook.Deferrals, "", "STARTTLS=server, error: accept failed, reason="+words(why.Error())+", relay="+v.Peer.Relay(), "tls-failed", slog.String("why", words(why.Error())))
		return
	}
	version := strings.ReplaceAll(tls.VersionName(state.Version), "TLS 1.", "TLSv1.")
	cipher := tls.CipherSuiteName(state.CipherSuite)
	bits := 256
	if strings.Contains(cipher, "AES_128") {
		bits = 128
	}
	v.watch.Metrics.tls.WithLabelValues(version, "done").Inc()
	v.line(logbook.Deferrals, "", fmt.Sprintf("STARTTLS=server, relay=%s, version=%s, verify=%s, cipher=%s, bits=%d/%d", v.Peer.Relay(), version, words(verify), cipher, bits, bits), "tls",
		slog.String("version", version), slog.String("verify", words(verify)), slog.String("cipher", cipher))
}

// Lost tells that the client went away in the middle of something, or said
// nothing for too long. It is part of smtpd.Witness.
func (v *Visit) Lost(inMessage, timedOut bool) {
	during := "server cmd read"
	if inMessage {
		during = "DATA"
	}
	v.watch.Metrics.lost.Inc()
	if timedOut {
		v.line(logbook.Malformed, "", "timeout waiting for input from "+v.Peer.Relay()+" during "+during, "timeout", slog.String("during", during))
		return
	}
	v.line(logbook.Lost, "", "lost input channel from "+v.Peer.Relay()+" to "+v.Peer.port()+" after "+during, "lost", slog.String("during", during))
}

// Malformed tells of an address that is none.
func (v *Visit) Malformed(what, address, why string) {
	v.line(logbook.Malformed, "", "malformed address "+words(address)+" in "+words(what)+" from "+v.Peer.Relay()+": "+words(why), "malformed",
		slog.String("address", words(address)), slog.String("why", words(why)))
}

// Asked tells of VRFY, EXPN, ETRN and ATRN.
func (v *Visit) Asked(command, arg string) {
	v.line(logbook.Reports, "", v.Peer.Relay()+": "+words(command)+" "+words(arg), "asked", slog.String("command", words(command)), slog.String("arg", words(arg)))
}

// Flood tells that the client is slowed down for its many wrong recipients.
func (v *Visit) Flood() {
	v.line(logbook.Refusals, "", v.Peer.Relay()+": Possible SMTP RCPT flood, throttling.", "flood")
}

// Heard tells of a command, in which no secret is left. It is part of
// smtpd.Witness, like Listens and Said.
func (v *Visit) Heard(command string) {
	v.watch.Metrics.command(command)
	v.trace(trace.In, command, 0)
	v.line(logbook.Commands, "", "<-- "+words(command), "command", slog.String("line", words(command)))
}

// Listens says that somebody wants to hear replies.
func (v *Visit) Listens() bool {
	return v.watch.Trace.Listened() || logbook.Wants(v.watch.Log, logbook.Commands)
}

// Said tells of a line of a reply.
func (v *Visit) Said(reply string) {
	v.trace(trace.Out, reply, 0)
	v.line(logbook.Commands, "", "--- "+words(reply), "reply", slog.String("line", words(reply)))
}

// Message passes a message on as it is read, so that trace tells of it: how
// large it was, and to who asks for it the message itself.
func (v *Visit) Message(r io.Reader) io.Reader {
	if !v.watch.Trace.Listened() {
		return r
	}
	return &overheard{of: r, by: v}
}

// overheard is a message that somebody traces.
type overheard struct {
	of     io.Reader
	by     *Visit
	octets int64
}

func (o *overheard) Read(p []byte) (int, error) {
	n, err := o.of.Read(p)
	o.octets += int64(n)
	if n > 0 && o.by.watch.Trace.Bodies() {
		o.by.trace(trace.Body, strings.ToValidUTF8(string(p[:n]), "?"), 0)
	}
	if err != nil {
		o.by.trace(trace.Body, fmt.Sprintf("%d octets of a message", o.octets), o.octets)
	}
	return n, err
}

// trace tells who listens of a line of the dialogue.
func (v *Visit) trace(direction, text string, octets int64) {
	if !v.watch.Trace.Listened() {
		return
	}
	if direction != trace.Body {
		text = words(text)
	}
	v.watch.Trace.Tell(trace.Of(v.Peer.Addr, trace.Line{
		At: v.watch.now(), Session: v.Peer.Number, Port: v.Peer.port(), Client: v.Peer.Relay(), Direction: direction, Text: text, Octets: octets,
	}))
}
