package queue

import (
	"strings"
	"testing"
)

func TestAMessageTooLargeIsReturnedAsItsHeader(t *testing.T) {
	for _, c := range []struct {
		why   string
		reply Reply
		whole bool
	}{
		{"ours, before it is sent", Reply{0, "5.3.4", "the message is too large"}, false},
		{"the system's limit", Reply{552, "5.3.4", "message size exceeds fixed limit"}, false},
		{"the mailbox's limit", Reply{552, "5.2.3", "message too long"}, false},
		{"a server without enhanced codes", Reply{552, "", "message size exceeds maximum permitted"}, false},
		{"the mailbox is full", Reply{552, "5.2.2", "over quota"}, true},
		{"no such user", Reply{550, "5.1.1", "no such user"}, true},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
			switch {
			case to.Address != "a@x.org":
				return OutcomeOf("mx.test", Reply{Code: 250}), nil
			case c.reply.Code == 0:
				return Refuse("mx.test", c.reply.Enhanced, c.reply.Text), nil
			}
			return OutcomeOf("mx.test", c.reply), nil
		}
		put(t, s, envelope("a@x.org"), "Subject: large\n\nthe body\n")
		w.flush()
		w.flush()
		if w.copies("me@example.org") != 1 {
			t.Errorf("%s: no report", c.why)
			continue
		}
		report := w.got["me@example.org"][0]
		if got := strings.Contains(report, "the body"); got != c.whole || !strings.Contains(report, "Subject: large") {
			t.Errorf("%s: the whole message is in the report: %v\n%s", c.why, got, report)
		}
	}
}
