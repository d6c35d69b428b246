package msp

import (
	"strings"
	"testing"
	"time"
)

func queueOf(total int, entries ...QueueEntry) QueueList {
	return QueueList{"/q", total, len(entries), false, func(yield func(*QueueEntry) bool) {
		for i := range entries {
			if !yield(&entries[i]) {
				return
			}
		}
	}}
}

// Coverage: X1.
func TestMailqLayout(t *testing.T) {
	at := time.Date(2026, 11, 22, 3, 28, 1, 0, time.UTC)
	entries := []QueueEntry{
		{
			ID: "6AM3SViY04392", Size: 12, Received: at, Sender: "me@example.org",
			Message:    "Deferred: Connection refused by smtp.example.org",
			Recipients: []QueueRecipient{{Address: "a@x.org", Status: "450 busy"}, {Address: "b@x.org"}},
		},
		{
			ID: "6AM3SViY04393", Status: '*', Size: 52428800, Received: at.AddDate(0, 0, -20), Priority: 30000, Warned: true,
			BodyType: "8BITMIME", Message: strings.Repeat("x", 70), Quarantine: "looks odd",
			Recipients: []QueueRecipient{{Address: strings.Repeat("r", 50) + "@x.org"}},
		},
	}
	for _, c := range []struct {
		reason  string
		entries []QueueEntry
		total   int
		verbose bool
		want    string
	}{
		{"empty", nil, 0, false, "/q is empty\n\t\tTotal requests: 0\n"},
		{"one is singular", entries[:1], 1, false, `		/q (1 request)
-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------
6AM3SViY04392       12 Sun Nov 22 03:28 <me@example.org>
                 (Deferred: Connection refused by smtp.example.org)
					 <a@x.org>
					 <b@x.org>
		Total requests: 1
`},
		{"a part, with everything", entries[1:], 2, false, `		/q (2 requests, only 1 printed)
-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------
6AM3SViY04393*52428800 Mon Nov  2 03:28 <>
     QUARANTINE: looks odd
      8BITMIME   (xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx)
					 <rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr
		Total requests: 2
`},
		{"verbose", entries, 2, true, `		/q (2 requests)
-----Q-ID----- --Size-- -Priority- ---Q-Time--- --------Sender/Recipient--------
6AM3SViY04392       12          0 Nov 22 03:28 <me@example.org>
                 (Deferred: Connection refused by smtp.example.org)
						 <a@x.org>
						 (450 busy)
						 <b@x.org>
6AM3SViY04393*52428800      30000+Nov  2 03:28 <>
     QUARANTINE: looks odd
      8BITMIME   (xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx)
						 <rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr
		Total requests: 2
`},
		{"8-bit and no message", []QueueEntry{{ID: "6AM3SViY04392", Received: at, Sender: "a@x", BodyType: "8BITMIME"}}, 1, false, `		/q (1 request)
-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------
6AM3SViY04392        0 Sun Nov 22 03:28 <a@x>
      8BITMIME
		Total requests: 1
`},
	} {
		t.Run(c.reason, func(t *testing.T) {
			var out strings.Builder
			if err := WriteQueue(&out, queueOf(c.total, c.entries...), c.verbose); err != nil {
				t.Fatal(err)
			}
			if out.String() != c.want {
				t.Errorf("got\n%s\nwant\n%s", &out, c.want)
			}
		})
	}
}

func TestMailqShowsNothingThatMovesTheCursor(t *testing.T) {
	var out strings.Builder
	e := QueueEntry{ID: "x", Sender: "a\x1b[2J\n@x", Message: "b\rc\u009b", Recipients: []QueueRecipient{{Address: "\x07"}}}
	if err := WriteQueue(&out, queueOf(1, e), false); err != nil || strings.ContainsAny(out.String(), "\x1b\r\x07\u009b") {
		t.Errorf("%q %v", &out, err)
	}
}
