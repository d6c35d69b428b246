package listen

import (
	"bytes"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"mailcrane/internal/syntax"
)

// acceptance is the reply to a message that was taken, and to nothing else.
var acceptance = regexp.MustCompile(`(?m)^250 2\.0\.0 id\d+ queued\r$`)

// FuzzConversation lets a client say anything, on a socket (strict) and on
// standard input. Whatever it says, a message is kept if and only if it was
// answered 250, it is one that other servers see the same end of, and nothing
// panics.
func FuzzConversation(f *testing.F) {
	hello := "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n"
	for _, rest := range []string{
		"DATA\r\nSubject: x\r\n\r\n..\r\n.\r\nQUIT\r\n",
		"DATA\r\na\n.\n" + trap,
		"DATA\r\na\r\r\n.\r\nNOOP\r\n",
		"DATA\r\n.\r\n" + hello + "DATA\r\n\x00\r\n.\r\n",
		"BDAT 3\r\na\r\nBDAT 0\r\nBDAT 2 LAST\r\nb\r",
		"BDAT 2\r\na\rBDAT 1 LAST\r\n\n",
		"BDAT 2 BAD\r\nxxBDAT 9999 LAST\r\nx",
		"BDAT 1\r\nxRSET\r\n" + hello + "BDAT 1 LAST\r\ny",
		"RCPT TO:<\"a b\"@c> NOTIFY=NEVER ORCPT=rfc822;a+20b\r\nRCPT TO:root\r\nRCPT TO:<@x:y@z>\r\nDATA\r\n.\r\n",
		"RSET\r\nMAIL FROM:<> SIZE=1 BODY=8BITMIME RET=FULL ENVID=x SMTPUTF8\r\nRCPT TO:<\xc3\xa5@b>\r\nDATA\r\n.\r\n",
		"VRFY x\r\nHELP\r\nAUTH PLAIN\r\nSTARTTLS\r\n\r\nFROB\r\nEHLO\r\nHELO y\r\nDATA\r\n",
	} {
		f.Add([]byte(hello+rest), false)
		f.Add([]byte(strings.ReplaceAll(hello+rest, "\r\n", "\n")), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, lenient bool) {
		var r recorder
		var out, log bytes.Buffer
		s := New(r.submit, Options{MaxSize: 4096, MaxErrors: 50, Log: slog.New(slog.NewTextHandler(&log, nil))})
		// An error is a session that was cut off: the replies say why.
		_ = s.serve(t.Context(), newGuard(stdio{bytes.NewReader(in), &out}, s.limits, lenient), "me")
		if log.Len() != 0 {
			t.Errorf("logged: %s", log.String())
		}
		kept := r.all()
		if answered := len(acceptance.FindAll(out.Bytes(), -1)); answered != len(kept) {
			t.Errorf("%d messages kept, %d answered 250:\n%s", len(kept), answered, out.String())
		}
		for _, m := range kept {
			judge(t, m)
		}
	})
}

func judge(t *testing.T, m received) {
	t.Helper()
	if strings.ContainsAny(strings.ReplaceAll(m.body, "\r\n", ""), "\r\n\x00") {
		t.Errorf("a bare CR, bare LF or NUL was kept: %q", m.body)
	}
	if len(m.body) > 4096 {
		t.Errorf("a message of %d octets was kept", len(m.body))
	}
	if len(m.env.To) == 0 {
		t.Error("a message without recipient was kept")
	}
	for _, to := range m.env.To {
		if _, rest, err := syntax.CutPath("<" + to.Address + ">"); err != nil || rest != "" {
			t.Errorf("recipient %q is not in wire form: %v", to.Address, err)
		}
		if !syntax.Printable(to.Address+to.Notify+to.ORcpt) || strings.ContainsAny(to.Notify+to.ORcpt, " \t") {
			t.Errorf("recipient %+v would break a command line", to)
		}
	}
	if !syntax.Printable(m.env.From+m.env.EnvID) || strings.ContainsAny(m.env.EnvID+m.env.Ret, " \t") {
		t.Errorf("envelope %+v would break a command line", m.env)
	}
}
