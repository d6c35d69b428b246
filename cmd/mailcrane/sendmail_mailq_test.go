package main

import (
	"testing"
	"time"

	"mailcrane/queue"
)

// Coverage: B50.
func TestTheStatusOfMailqSaysWhyAMessageIsNotTried(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	open := []queue.Result{{}}
	done := []queue.Result{{State: queue.Failed}}
	for _, tt := range []struct {
		why  string
		e    queue.Entry
		load bool
		want byte
	}{
		{"due", queue.Entry{Results: open}, false, ' '},
		{"being sent", queue.Entry{Results: open, Busy: true}, true, '*'},
		{"tried lately", queue.Entry{Results: open, Name: queue.Name{Next: now.Add(time.Minute)}}, true, '-'},
		{"asked for later", queue.Entry{Results: open, Name: queue.Name{NotBefore: now.Add(time.Minute)}}, false, '-'},
		{"the load is too high", queue.Entry{Results: open}, true, 'X'},
		{"neither delivered nor returned", queue.Entry{Results: done, Name: queue.Name{Held: true}}, false, '?'},
		{"held", queue.Entry{Results: open, Name: queue.Name{Held: true}}, true, ' '},
		{"quarantined", queue.Entry{Results: open, Name: queue.Name{Quarantined: true}}, true, ' '},
		{"unreadable", queue.Entry{Trouble: "x"}, true, ' '},
	} {
		if got := mailqStatus(waiting{Entry: tt.e}, now, func(queue.Name) bool { return tt.load }); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.why, got, tt.want)
		}
	}
	large := waiting{Entry: queue.Entry{Results: open}, kept: true}
	if got := mailqStatus(large, now, func(queue.Name) bool { return true }); got != '-' {
		t.Errorf("too large for a metered route: %q", got)
	}
}

// Coverage: X1.
func TestARunAnnouncesAMessageInSendmailsWords(t *testing.T) {
	const want = "Running /var/spool/mail/cemj155mdf2w5 (sequence 2 of 7)"
	if got := running(queue.Event{Kind: queue.Begun, Dir: "/var/spool/mail", ID: "cemj155mdf2w5", Place: 2, Of: 7}); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
