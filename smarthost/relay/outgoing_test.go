package relay

import (
	"errors"
	"io"
	"strings"
	"testing"

	"mailcrane/internal/recode"
	"mailcrane/queue"
)

func TestParametersAreObeyedOnlyWhereOffered(t *testing.T) {
	const long = "PIPELINING,CHUNKING,8BITMIME,SMTPUTF8,DSN,SIZE 1000000"
	eight, binary, lines := queue.Content{EightBit: true}, queue.Content{Binary: true}, queue.Content{LongLine: true}
	dsn := func(e *queue.Envelope) {
		e.Ret, e.EnvID = "HDRS", "id+2B1"
		e.To[0].Notify, e.To[0].ORcpt = "FAILURE,DELAY", "rfc822;x@d"
	}
	tests := []struct {
		why     string
		offers  string
		content queue.Content
		change  func(*queue.Envelope)
		mail    string
		rcpt    string
	}{
		{"ASCII says nothing about itself", long, queue.Content{}, nil, "<a@example.org> SIZE=3", "<x@d>"},
		{"8 bits", long, eight, nil, "<a@example.org> SIZE=3 BODY=8BITMIME", "<x@d>"},
		{"8 bits and a binary server", long + ",BINARYMIME", eight, nil, "<a@example.org> SIZE=3 BODY=8BITMIME", "<x@d>"},
		{"8 bits, no 8BITMIME, a binary server", "PIPELINING,CHUNKING,BINARYMIME", eight, nil, "<a@example.org> BODY=BINARYMIME", "<x@d>"},
		{"NUL", long + ",BINARYMIME", binary, nil, "<a@example.org> SIZE=3 BODY=BINARYMIME", "<x@d>"},
		{"long lines", long + ",BINARYMIME", lines, nil, "<a@example.org> SIZE=3 BODY=BINARYMIME", "<x@d>"},
		{"the null reverse-path", long, queue.Content{}, func(e *queue.Envelope) { e.From = "" }, "<> SIZE=3", "<x@d>"},
		{"DSN", long, queue.Content{}, dsn, "<a@example.org> SIZE=3 RET=HDRS ENVID=id+2B1", "<x@d> NOTIFY=FAILURE,DELAY ORCPT=rfc822;x@d"},
		{"DSN not offered", full, queue.Content{}, dsn, "<a@example.org>", "<x@d>"},
		{"SMTPUTF8 declared", long, queue.Content{}, func(e *queue.Envelope) { e.UTF8 = true }, "<a@example.org> SIZE=3 SMTPUTF8", "<x@d>"},
		{"SMTPUTF8 by an address", long, queue.Content{}, func(e *queue.Envelope) { e.To[0].Address = "ü@d" }, "<a@example.org> SIZE=3 SMTPUTF8", "<ü@d>"},
		{"an original address in UTF-8, which the queue keeps", long, queue.Content{}, func(e *queue.Envelope) { e.UTF8, e.To[0].ORcpt = true, "utf-8;ü@d" }, "<a@example.org> SIZE=3 SMTPUTF8", "<x@d> ORCPT=utf-8;ü@d"},
		{"and without SMTPUTF8, its ASCII form", long, queue.Content{}, func(e *queue.Envelope) { e.To[0].ORcpt = "utf-8;ü@d" }, "<a@example.org> SIZE=3", "<x@d> ORCPT=utf-8;\\x{FC}@d"},
		{"and where it cannot be said, the mail goes without it", long, queue.Content{}, func(e *queue.Envelope) { e.To[0].ORcpt = "rfc822;ü@d" }, "<a@example.org> SIZE=3", "<x@d>"},
		{"a quoted local part may hold nearly all", long, queue.Content{}, func(e *queue.Envelope) { e.From = `"a> \"b"@d` }, `<"a> \"b"@d> SIZE=3`, "<x@d>"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s := opened(t, test.offers, nil, "C: MAIL FROM:"+test.mail, "C: RCPT TO:"+test.rcpt, "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok\n250 ok", "C: QUIT", "CLOSE")
			m := mail("x\n", "x@d")
			m.Content = test.content
			if test.change != nil {
				test.change(m.Envelope)
			}
			if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "delivered" {
				t.Errorf("fault %v, %s", fault, m.states())
			}
			s.Close(t.Context())
		})
	}
}

func TestRefusedHereWithoutAWordToTheServer(t *testing.T) {
	tests := []struct {
		why    string
		offers string
		change func(*outcomes)
		want   string
		code   string
		says   string
	}{
		{"too large", full + ",SIZE 1000", func(o *outcomes) { o.Size = 1001 }, "failed failed", "5.3.4", "takes no more than 1000"},
		{"SMTPUTF8 lacks for the message", full, func(o *outcomes) { o.Envelope.UTF8 = true }, "failed failed", "5.6.7", "SMTPUTF8"},
		{"SMTPUTF8 lacks for the sender", full, func(o *outcomes) { o.Envelope.From = "ü@d" }, "failed failed", "5.6.7", "ü@d"},
		{"a line end in the sender", full, func(o *outcomes) { o.Envelope.From = "a@d\r\nRSET" }, "failed failed", "5.1.7", "sender address"},
		{"a line end in ORCPT", full, func(o *outcomes) { o.To[0].ORcpt, o.To[1].ORcpt = "utf-8;ü@d\r\nRSET", "rfc822;x y" }, "failed failed", "5.5.4", "ORCPT"},
		{"a line end in ENVID", full, func(o *outcomes) { o.Envelope.EnvID = "a\nRSET" }, "failed failed", "5.5.4", "ENVID"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s := opened(t, test.offers, nil, "C: QUIT", "CLOSE")
			m := mail("x\n", "x@d", "y@d")
			test.change(m)
			if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil {
				t.Error(fault.Sentence())
			}
			if m.states() != test.want || m.got[0].Reply().Enhanced != test.code || !strings.Contains(m.got[0].Reply().Text, test.says) {
				t.Errorf("%s: %v", m.states(), m.got[0].Reply())
			}
			s.Close(t.Context())
		})
	}
}

func TestOneUnfitRecipientDoesNotHoldUpTheOthers(t *testing.T) {
	s := opened(t, full, nil, "C: MAIL FROM:<a@example.org>", "C: RCPT TO:<y@d>", "C: BDAT 3 LAST", "C# 3", "S: 250 ok\n250 ok\n250 ok", "C: QUIT", "CLOSE")
	m := mail("x\n", "ü@d", "y@d", "x@d>\r\nRCPT TO:<z@d", "a b@d")
	if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "failed delivered failed failed" {
		t.Errorf("fault %v, %s", fault, m.states())
	}
	s.Close(t.Context())
}

func TestRecodedMessageGoesOutInItsNewForm(t *testing.T) {
	var needed recode.Need
	with := func(result string, err error) func(*Target) {
		return func(target *Target) {
			target.Recode = func(w io.Writer, r io.Reader, need recode.Need) error {
				needed = need
				if _, readErr := io.Copy(io.Discard, r); readErr != nil || err != nil {
					return errors.Join(readErr, err)
				}
				_, err := io.WriteString(w, result)
				return err
			}
		}
	}
	all := queue.Content{EightBit: true, Binary: true, LongLine: true}
	tests := []struct {
		why     string
		offers  string
		content queue.Content
		need    recode.Need
		mail    string
	}{
		{"8 bits without 8BITMIME", "PIPELINING,SIZE", queue.Content{EightBit: true}, recode.Need{SevenBit: true}, "SIZE=5"},
		{"long lines", "PIPELINING,SIZE,8BITMIME", queue.Content{LongLine: true, EightBit: true}, recode.Need{ShortLines: true}, "SIZE=5 BODY=8BITMIME"},
		{"BINARYMIME is nothing without CHUNKING", "PIPELINING,SIZE,8BITMIME,BINARYMIME", queue.Content{Binary: true}, recode.Need{ShortLines: true}, "SIZE=5"},
		{"all at once", "PIPELINING,SIZE", all, recode.Need{SevenBit: true, ShortLines: true}, "SIZE=5"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s := opened(t, test.offers, with("new", nil), "C: MAIL FROM:<a@example.org> "+test.mail, "C: RCPT *", "C: DATA", "S: 250 ok\n250 ok\n354 ok", "C: new", "C: .", "S: 250 ok", "C: QUIT", "CLOSE")
			m := mail("old\n", "x@d")
			m.Content = test.content
			if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "delivered" || needed != test.need {
				t.Errorf("fault %v, %s, need %+v", fault, m.states(), needed)
			}
			s.Close(t.Context())
		})
	}
	t.Run("impossible", func(t *testing.T) {
		s := opened(t, pipeline, with("", &recode.Impossible{What: "the signed part has long lines"}), "C: QUIT", "CLOSE")
		m := mail("old\n", "x@d")
		m.Content = all
		if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "failed" || m.got[0].Reply().Enhanced != "5.6.3" {
			t.Errorf("fault %v, %s %v", fault, m.states(), m.got[0].Reply())
		}
		s.Close(t.Context())
	})
	t.Run("a new form that is too large", func(t *testing.T) {
		s := opened(t, pipeline+",SIZE 10", with(strings.Repeat("x", 11), nil), "C: QUIT", "CLOSE")
		m := mail("old\n", "x@d")
		m.Content = all
		if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "failed" || m.got[0].Reply().Enhanced != "5.3.4" {
			t.Errorf("fault %v, %s %v", fault, m.states(), m.got[0].Reply())
		}
		s.Close(t.Context())
	})
}
