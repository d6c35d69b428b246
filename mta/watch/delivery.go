package watch

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"mailcrane/internal/logbook"
	"mailcrane/mta/route"
	"mailcrane/queue"
)

// Queue is told of every event of the queue runs.
func (w *Watch) Queue(e queue.Event) {
	switch e.Kind {
	case queue.Opened:
		w.line(logbook.Outgoing, "SMTP outgoing connect on "+words(string(e.Route)), slog.String("event", "outgoing"), slog.String("route", words(string(e.Route))))
	case queue.Closed:
		w.broken(e.Route, e.Fault)
	case queue.Bounced, queue.Warned:
		what := "sender notify: the message could not be delivered"
		if e.Kind == queue.Warned {
			what = "sender notify: the message is late"
		}
		w.line(logbook.Reports, ofMessage(string(e.ID), "DSN: "+what), slog.String("event", "report"), slog.String("id", string(e.ID)))
	case queue.Awaiting:
		w.line(logbook.Locked, fmt.Sprintf("%d messages are locked: another process is at them", e.Of), slog.String("event", "locked"), slog.Int("messages", e.Of))
	case queue.Ended:
		if e.Attempt != nil {
			w.attempt(*e.Attempt, e.Left)
		}
		w.line(logbook.Jobs, ofMessage(string(e.ID), fmt.Sprintf("end of job, %d recipients left", e.Left)), slog.String("event", "end-of-job"), slog.String("id", string(e.ID)), slog.Int("left", e.Left))
	default:
	}
}

// attempt tells what became of each recipient, and where none is left, of the
// whole message.
func (w *Watch) attempt(a queue.Attempt, left int) {
	for i, r := range a.Records {
		if r.To < 0 || i > 0 && alike(a.Records[i-1], r) {
			continue
		}
		if route.WentOn(r) {
			w.line(logbook.Connections, ofMessage(string(a.Message.Name.ID), "to="+path(r.Address)+" "+words(r.Text)), slog.String("event", "sorted"),
				slog.String("id", string(a.Message.Name.ID)), slog.String("to", words(r.Address)))
			continue
		}
		to := path(r.Address)
		for _, other := range a.Records[i+1:] {
			if !alike(r, other) || len(to) > mostWords {
				break
			}
			to += "," + path(other.Address)
		}
		w.delivery(a, r, to)
	}
	for _, r := range a.Records {
		if r.To >= 0 && !route.WentOn(r) {
			w.Metrics.deliveries.WithLabelValues(oneOf(r.Event, outcomes[:]...)).Inc()
		}
	}
	if left == 0 && len(a.Records) > 0 {
		w.left(a)
	}
}

// outcomes are the words of the queue for what becomes of a recipient.
var outcomes = [...]string{queue.Delivered.String(), queue.Deferred.String(), queue.Failed.String(), queue.Uncertain.String()}

// alike says that two recipients had the same answer.
func alike(a, b queue.Record) bool {
	return a.Event == b.Event && a.Host == b.Host && a.Code == b.Code && a.Enhanced == b.Enhanced && a.Text == b.Text
}

// delivery is sendmail's line about what became of recipients, to, in an
// attempt.
func (w *Watch) delivery(a queue.Attempt, r queue.Record, to string) {
	name := a.Message.Name
	level, stat := standing(r)
	relay, reply := r.Host, ""
	if relay == "" {
		relay = "none"
	}
	if r.Code >= 400 {
		reply = "reply=" + words(replyOf(r)) + ", "
	}
	delay, pri := r.At.Sub(name.ID.Received()), name.Priority(w.Tuning)
	line := fmt.Sprintf("to=%s, delay=%s, xdelay=%s, mailer=%s, pri=%d, relay=%s, dsn=%s, %sstat=%s",
		to, clockTime(delay), clockTime(a.Took), route.MailerOf(r.Route), pri, words(relay), statusOf(r), reply, stat)
	w.line(level, ofMessage(string(name.ID), line), slog.String("event", "delivery"), slog.String("id", string(name.ID)), slog.String("to", to),
		slog.Float64("delay", delay.Seconds()), slog.Float64("xdelay", a.Took.Seconds()), slog.Int64("pri", pri), slog.String("relay", words(relay)),
		slog.String("dsn", statusOf(r)), slog.String("reply", words(replyOf(r))), slog.String("outcome", r.Event), slog.String("route", words(string(r.Route))))
}

// standing is sendmail's level and stat= for an outcome.
func standing(r queue.Record) (logbook.Level, string) {
	said := words(r.Text)
	switch r.Event {
	case queue.Delivered.String():
		if said == "" {
			return logbook.Successes, "Sent"
		}
		return logbook.Successes, "Sent (" + said + ")"
	case queue.Failed.String():
		if strings.HasSuffix(statusOf(r), ".1.1") {
			return logbook.Failures, "User unknown"
		}
		return logbook.Failures, "Service unavailable"
	case queue.Uncertain.String():
		return logbook.Deferrals, "Deferred: it may have arrived: " + said
	}
	return logbook.Deferrals, "Deferred: " + said
}

// statusOf is the enhanced status code, of RFC 3463; where the server gave none, that
// of its class.
func statusOf(r queue.Record) string {
	switch {
	case r.Enhanced != "":
		return words(r.Enhanced)
	case r.Event == queue.Delivered.String():
		return "2.0.0"
	case r.Event == queue.Failed.String():
		return "5.0.0"
	}
	return "4.0.0"
}

func replyOf(r queue.Record) string {
	var parts []string
	if r.Code > 0 {
		parts = append(parts, strconv.Itoa(r.Code))
	}
	for _, part := range []string{r.Enhanced, r.Text} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " ")
}

// mostTold bounds the recipients of the last line of a message.
const mostTold = 100

// A Recipient is one in the last line of a message, in JSON. Times are in
// seconds.
type Recipient struct {
	To      string  `json:"to"`
	Outcome string  `json:"outcome"`
	DSN     string  `json:"dsn"`
	Reply   string  `json:"reply,omitempty"`
	Relay   string  `json:"relay,omitempty"`
	Delay   float64 `json:"delay"`
}

// left is the one line that has all of a message, when nothing of it is left in
// the queue.
func (w *Watch) left(a queue.Attempt) {
	name, envelope := a.Message.Name, a.Message.Envelope
	began := name.ID.Received()
	var last time.Time
	var all []Recipient
	var b strings.Builder
	for i, result := range a.Message.Results {
		if result.Last.At.After(last) {
			last = result.Last.At
		}
		if i >= len(envelope.To) || i >= mostTold {
			continue
		}
		r := result.Last
		one := Recipient{
			To: words(envelope.To[i].Address), Outcome: result.State.String(), DSN: statusOf(r), Reply: words(replyOf(r)), Relay: words(r.Host),
			Delay: r.At.Sub(began).Seconds(),
		}
		all = append(all, one)
		fmt.Fprintf(&b, ", to=%s %s dsn=%s", path(envelope.To[i].Address), one.Outcome, one.DSN)
		if one.Reply != "" {
			b.WriteString(" (" + one.Reply + ")")
		}
	}
	line := fmt.Sprintf("done; from=%s, size=%d, nrcpts=%d, delay=%s, ntries=%d%s", path(envelope.From), name.Size, len(envelope.To), clockTime(last.Sub(began)), name.Attempts, b.String())
	w.Metrics.stay.Observe(last.Sub(began).Seconds())
	w.line(logbook.Deferrals, ofMessage(string(name.ID), line), slog.String("event", "done"), slog.String("id", string(name.ID)), slog.String("from", words(envelope.From)),
		slog.Int64("size", name.Size), slog.Int("nrcpts", len(envelope.To)), slog.Float64("delay", last.Sub(began).Seconds()), slog.Int("ntries", name.Attempts),
		slog.Any("recipients", all))
}
