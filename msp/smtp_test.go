package msp

import (
	"context"
	"strings"
	"syscall"
	"testing"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

func (s *station) smtp(e *queue.Envelope, message string) error {
	_, err := s.SubmitSMTP(s.cfg, &s.spool)(context.Background(), e, strings.NewReader(message))
	return err
}

// Coverage: A14.
func TestMessageOverSMTPGetsTheSameFixUps(t *testing.T) {
	s := newStation(t, oneAccount)
	e := &queue.Envelope{From: "root", To: []queue.Recipient{{Address: "a@x.org", Notify: "NEVER", ORcpt: "rfc822;a"}, {Address: "joe"}, {Address: "a@X.org"}}, Ret: "HDRS", EnvID: "x"}
	if err := s.smtp(e, "To: joe\r\nBcc: b@x.org\r\n\r\n.\r\n..\r\n"); err != nil {
		t.Fatal(err)
	}
	got := s.spool.envelope
	if got.From != "me@example.org" || recipientsOf(s) != "a@x.org me@example.org" || got.Ret != "HDRS" || got.EnvID != "x" ||
		got.To[0].Notify != "NEVER" || got.To[0].ORcpt != "rfc822;a" {
		t.Errorf("%+v", got)
	}
	want := crlf(strings.Replace(fReceived, ";", " with ESMTP;", 1) + fDate + fFrom + fID + "To: me@example.org\n\n.\n..\n")
	if s.spool.message != want {
		t.Errorf("%q, want %q", s.spool.message, want)
	}
}

func TestMessageOverSMTPIsRefusedWithAReason(t *testing.T) {
	for _, c := range []struct {
		reason, to, message string
		fail                error
		code                int
		want                string
	}{
		{"nobody knows the user", "ann", "\r\n", nil, sysexits.NoUser, "ann... User unknown"},
		{"a header that no server takes", "a@x.org", "A: \x00\r\n\r\n", nil, sysexits.DataErr, "552 5.6.0 The header holds a NUL octet"},
		{"a full disk", "a@x.org", "\r\n", syscall.ENOSPC, sysexits.TempFail, "no space left on device"},
	} {
		s := newStation(t, oneAccount)
		s.spool.fail = c.fail
		err := s.smtp(&queue.Envelope{From: "me@example.org", To: []queue.Recipient{{Address: c.to}}}, c.message)
		if err == nil || sysexits.Code(err) != c.code || !strings.Contains(err.Error(), c.want) || s.spool.puts > 0 {
			t.Errorf("%s: %v", c.reason, err)
		}
	}
}

func TestBadRecipientOverSMTPComesBackAsABounce(t *testing.T) {
	s := newStation(t, oneAccount)
	e := &queue.Envelope{From: "me@example.org", To: []queue.Recipient{{Address: "ann"}, {Address: "a@x.org"}}}
	if err := s.smtp(e, "\r\n"); err != nil || recipientsOf(s) != "a@x.org" || len(s.bounces) != 1 || s.bounces[0].Failures[0].Address != "ann" {
		t.Errorf("%v, %q, %+v", err, recipientsOf(s), s.bounces)
	}
}

func TestABadRecipientOverSMTPIsReportedAsItsNotifySays(t *testing.T) {
	for _, c := range []struct {
		why, notify string
		told        bool
	}{
		{"nothing asked", "", true},
		{"failures asked for", "SUCCESS,FAILURE", true},
		{"NEVER", "NEVER", false},
		{"other reports asked for", "SUCCESS,DELAY", false},
	} {
		s := newStation(t, oneAccount)
		e := &queue.Envelope{From: "me@example.org", EnvID: "q1", Ret: "HDRS", To: []queue.Recipient{
			{Address: "ann", Notify: c.notify, ORcpt: "rfc822;ann+2Bx@old.example"}, {Address: "a@x.org", Notify: "NEVER"},
		}}
		if err := s.smtp(e, "\r\n"); err != nil || recipientsOf(s) != "a@x.org" || (len(s.bounces) == 1) != c.told {
			t.Errorf("%s: %v, %q, %+v", c.why, err, recipientsOf(s), s.bounces)
		}
		if c.told && (s.bounces[0].Failures[0].ORcpt != "rfc822;ann+2Bx@old.example" || s.bounces[0].EnvID != "q1") {
			t.Errorf("%s: %+v", c.why, s.bounces[0])
		}
	}
}
