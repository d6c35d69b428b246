package watch

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

func readAll(t *testing.T, r *http.Response) string {
	t.Helper()
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tried is an attempt whose records are for the recipients of the message, in
// its order; they are the last results of all.
func tried(records ...queue.Record) queue.Attempt {
	a := queue.Attempt{Took: 2 * time.Second, Records: records}
	a.Message.Name = queue.Name{Size: 100, Recipients: len(records), Attempts: 2}
	a.Message.Envelope = &queue.Envelope{From: "from@example.org"}
	began := a.Message.Name.ID.Received()
	for i, r := range records {
		r.To, r.At = i, began.Add(25*time.Hour)
		a.Records[i] = r
		a.Message.Envelope.To = append(a.Message.Envelope.To, queue.Recipient{Address: r.Address})
		state := queue.Delivered
		for _, s := range []queue.State{queue.Deferred, queue.Failed, queue.Uncertain} {
			if s.String() == r.Event {
				state = s
			}
		}
		a.Message.Results = append(a.Message.Results, queue.Result{State: state, Last: a.Records[i]})
	}
	return a
}

func sentTo(address string) queue.Attempt {
	return tried(queue.Record{Address: address, Event: "delivered", Host: "mx.example", Code: 250, Enhanced: "2.0.0", Text: "OK"})
}

// deliveryEvents are what the queue tells, each with sendmail's level and line.
var deliveryEvents = []struct {
	level int
	line  string
	event queue.Event
}{
	{6, "A1: DSN: sender notify: the message could not be delivered", queue.Event{Kind: queue.Bounced, ID: "A1"}},
	{
		10, `: to=<all@b.example> goes on as X1`,
		queue.Event{Kind: queue.Ended, Attempt: ptr(tried(queue.Record{Address: "all@b.example", Route: "sort:", Event: "delivered", Code: 250, Enhanced: "2.0.0", Text: "goes on as X1"}))},
	},
	{
		7, `: to=<a@b.example>, delay=1+01:00:00, xdelay=00:00:02, mailer=relay, pri=30100, relay=mx.example, dsn=5.1.1, reply=550 5.1.1 no such user, stat=User unknown`,
		queue.Event{Kind: queue.Ended, Left: 1, Attempt: ptr(tried(queue.Record{Address: "a@b.example", Event: "failed", Host: "mx.example", Code: 550, Enhanced: "5.1.1", Text: "no such user"}))},
	},
	{
		7, `relay=mx.example, dsn=5.7.0, reply=554 5.7.0 go away, stat=Service unavailable`,
		queue.Event{Kind: queue.Ended, Left: 1, Attempt: ptr(tried(queue.Record{Address: "a@b.example", Event: "failed", Host: "mx.example", Code: 554, Enhanced: "5.7.0", Text: "go away"}))},
	},
	{8, `dsn=2.0.0, stat=Sent (OK)`, queue.Event{Kind: queue.Ended, Left: 1, Attempt: ptr(sentTo("a@b.example"))}},
	{
		9, `relay=mx.example, dsn=4.0.0, reply=451 later, stat=Deferred: later`,
		queue.Event{Kind: queue.Ended, Left: 1, Attempt: ptr(tried(queue.Record{Address: "a@b.example", Event: "deferred", Host: "mx.example", Code: 451, Text: "later"}))},
	},
	{
		9, `: done; from=<from@example.org>, size=100, nrcpts=2, delay=1+01:00:00, ntries=2, to=<a@b.example> delivered dsn=2.0.0 (250 OK), to=<c@d.example> failed dsn=5.0.0 (550 no)`,
		queue.Event{Kind: queue.Ended, Attempt: ptr(tried(
			queue.Record{Address: "a@b.example", Event: "delivered", Code: 250, Text: "OK"},
			queue.Record{Address: "c@d.example", Event: "failed", Code: 550, Text: "no"},
		))},
	},
	{11, "A1: end of job, 2 recipients left", queue.Event{Kind: queue.Ended, ID: "A1", Left: 2}},
	{12, "SMTP outgoing connect on work", queue.Event{Kind: queue.Opened, Route: "work"}},
	{20, "3 messages are locked: another process is at them", queue.Event{Kind: queue.Awaiting, Of: 3}},
}

func ptr(a queue.Attempt) *queue.Attempt { return &a }

// Coverage: B60.
func TestDeliveriesAppearExactlyFromTheirLevel(t *testing.T) {
	for _, e := range deliveryEvents {
		for level := range 22 {
			w, out := watched(level)
			w.Tuning = config.Queue{ClassFactor: 1800, RecipientFactor: 30000}
			w.Queue(e.event)
			if got := strings.Contains(out.String(), e.line); got != (level >= e.level) {
				t.Errorf("at %d, is told: %v: %s\n%s", level, got, e.line, out)
			}
		}
	}
}

func TestRecipientsWithTheSameAnswerShareALine(t *testing.T) {
	same := queue.Record{Event: "delivered", Host: "mx.example", Code: 250, Text: "OK"}
	one, two, other := same, same, same
	one.Address, two.Address, other.Address, other.Code = "a@b.example", "c@b.example", "d@b.example", 251
	w, out := watched(8)
	w.attempt(tried(one, two, other), 1)
	if got := strings.Count(out.String(), "msg="); got != 2 || !strings.Contains(out.String(), "to=<a@b.example>,<c@b.example>, ") {
		t.Errorf("%d lines:\n%s", got, out)
	}
}

func TestTheLastLineOfAMessageIsBounded(t *testing.T) {
	var records []queue.Record
	for range 5000 {
		records = append(records, queue.Record{Address: strings.Repeat("x", 300) + "@b.example", Event: "failed", Code: 550, Text: strings.Repeat("y\n", 5000)})
	}
	w, out := watched(9)
	w.attempt(tried(records...), 0)
	for line := range strings.Lines(out.String()) {
		if len(line) > 1<<20 {
			t.Errorf("a line of %d octets", len(line))
		}
	}
}
