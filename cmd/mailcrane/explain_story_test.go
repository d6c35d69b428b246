package main

import (
	"strings"
	"testing"
	"time"

	"mailcrane/queue"
)

func TestAStoryTellsWhatRepeatsOnce(t *testing.T) {
	begin := time.Date(2026, 11, 22, 5, 10, 0, 0, time.Local)
	at := func(minutes int) time.Time { return begin.Add(time.Duration(minutes) * time.Minute) }
	result := func(minutes, to int, address, event string, code int, text string) queue.Record {
		return queue.Record{At: at(minutes), To: to, Address: address, Event: event, Host: "mx.test", Code: code, Text: text}
	}
	done := func(minutes int, event, text string) queue.Record {
		return queue.Record{At: at(minutes), To: -1, Event: event, Text: text}
	}
	tests := []struct {
		why     string
		history []queue.Record
		want    string
	}{
		{"nothing happened", nil, ""},
		{
			"one attempt, two recipients, two answers",
			[]queue.Record{result(0, 0, "a@x", "delivered", 250, "ok"), result(0, 1, "b@x", "deferred", 450, "later")},
			"05:10 delivered to a@x: mx.test took it: 250 ok\n05:10 tried once for b@x; mx.test said: 450 later\n",
		},
		{
			"the same answer for two recipients at three attempts is one chapter",
			[]queue.Record{
				result(0, 0, "a@x", "deferred", 450, "later"), result(0, 1, "b@x", "deferred", 450, "later"),
				result(2, 0, "a@x", "deferred", 450, "later"), result(2, 1, "b@x", "deferred", 450, "later"),
				result(6, 0, "a@x", "deferred", 450, "later"), result(6, 1, "b@x", "deferred", 450, "later"),
			},
			"05:10 to 05:16 tried 3 times for a@x, b@x; each time mx.test said: 450 later\n",
		},
		{
			"another answer is another chapter",
			[]queue.Record{
				result(0, 0, "a@x", "deferred", 450, "later"), result(2, 0, "a@x", "deferred", 451, "busy"),
				result(4, 0, "a@x", "deferred", 450, "later"),
			},
			"05:10 to 05:14 tried 2 times for a@x; each time mx.test said: 450 later\n05:12 tried once for a@x; mx.test said: 451 busy\n",
		},
		{
			"what a person did is told each time",
			[]queue.Record{done(0, "held", "wait"), done(1, "released", ""), done(2, "held", "wait"), done(3, "retried", "")},
			"05:10 held: wait\n05:11 released\n05:12 held: wait\n05:13 made due at once by a person\n",
		},
		{
			"and so is each recipient that a person took out",
			[]queue.Record{result(0, 0, "a@x", "dropped", 0, ""), result(0, 1, "b@x", "dropped", 0, ""), done(0, "edited", "")},
			"05:10 a person dropped a@x\n05:10 a person dropped b@x\n05:10 \n",
		},
		{
			"no answer is not a no",
			[]queue.Record{result(0, 0, "a@x", "uncertain", 0, "the server closed the connection")},
			"05:10 sent to a@x once, and no answer came, so it may have arrived: the server closed the connection\n",
		},
		{
			"a failure and its report",
			[]queue.Record{result(0, 0, "a@x", "failed", 550, "no"), done(0, "bounced", "a report went to me@x as cemj155mdf2w5")},
			"05:10 refused for good for a@x by mx.test: 550 no\n05:10 its sender was told: a report went to me@x as cemj155mdf2w5\n",
		},
		{"yesterday has its date", []queue.Record{done(-12*60, "released", "")}, "21 Nov 17:10 released\n"},
	}
	for _, tt := range tests {
		var got strings.Builder
		for _, c := range chapters(tt.history) {
			got.WriteString(c.moment(at(60)) + " " + c.sentence() + "\n")
		}
		if got.String() != tt.want {
			t.Errorf("%s:\n%swant:\n%s", tt.why, got.String(), tt.want)
		}
	}
}

func TestManyRecipientsAreNotAllNamed(t *testing.T) {
	if got := few([]string{"a", "b", "c", "d", "e"}); got != "a, b, c and 2 more" {
		t.Errorf("they show as %q", got)
	}
}

func TestALineIsBrokenBetweenWordsOnATerminalOnly(t *testing.T) {
	const text = "jörg@exämple.net and ann@example.net are 例え too"
	for _, tt := range []struct {
		width int
		want  string
	}{
		{0, "To: " + text + "\n"},
		{100, "To: " + text + "\n"},
		{30, "To: jörg@exämple.net and\n    ann@example.net are 例え\n    too\n"},
	} {
		var out strings.Builder
		p := newPage(&out)
		p.width = tt.width
		p.line("To: ", text)
		if p.Flush() != nil || out.String() != tt.want {
			t.Errorf("at %d columns:\n%s", tt.width, out.String())
		}
	}
}
