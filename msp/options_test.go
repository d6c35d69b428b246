package msp

import (
	"errors"
	"strings"
	"testing"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// Each of these is set in the file, or in the file and, over it, on the command
// line.
//
// Coverage: B131, B133.
func TestOptionsOfASubmissionAreObeyedFromTheFile(t *testing.T) {
	const free = 50 << 20
	long := "X-Long: " + strings.Repeat("x", 300<<10) + "\n"
	for _, c := range []struct {
		reason, toml, line, in string
		code                   int
		want                   string // in what is said or in what is queued
	}{
		{"a message that is too large", "max_message = 10", "a@x.org", "Subject: x\n\nfar too long\n", 65, "more than 10 octets"},
		{"the command line allows more", "max_message = 10", "-OMaxMessageSize=10000 a@x.org", "Subject: x\n\nfar too long\n", 0, "far too long"},
		{"a header that is too large", "max_headers = 10", "a@x.org", "Subject: xxxxx\n\nx\n", 65, "more than 10 octets"},
		{"the bound of a header has a bound of its own", "max_headers = 2000000", "a@x.org", long + "\nx\n", 65, "more than 262144 octets"},
		{"0 is that bound", "max_headers = 0", "a@x.org", "Subject: xxxxx\n\nx\n", 0, "Subject: xxxxx"},
		{"too many recipients", "max_recipients = 1", "a@x.org b@x.org", "\nx\n", 69, "Too many recipients: 2 (1 max)"},
		{"too many hops", "max_hops = 1", "a@x.org", "Received: a\nReceived: b\n\nx\n", 69, "Too many hops 2 (1 max)"},
		{"more hops on the command line", "max_hops = 1", "-oh2 a@x.org", "Received: a\nReceived: b\n\nx\n", 0, "Received: b"},
		{"a lone dot ends a message", "", "a@x.org", "\none\n.\ntwo\n", 0, "one\n"},
		{"a lone dot does not", "ignore_dots = true", "a@x.org", "\none\n.\ntwo\n", 0, "two\n"},
		{"an mbox line is kept", "save_from_line = true", "a@x.org", "From joe Mon\nSubject: x\n\nx\n", 0, "X-From-Line: joe Mon"},
		{"a header without recipients", "no_recipient_action = \"add-to-undisclosed\"", "a@x.org", "Subject: x\n\nx\n", 0, "To: undisclosed-recipients:;"},
		{"failures are not said", "error_mode = \"quiet\"", "no-such-user", "\nx\n", 67, ""},
		{"but the command line wants them said", "error_mode = \"quiet\"", "-oep no-such-user", "\nx\n", 67, "no-such-user..."},
		{"too little room", "min_free_blocks = 60000", "a@x.org", "\nx\n", 75, "51200 KiB free, and MinFreeBlocks wants 60000"},
		{"room enough", "min_free_blocks = 51200", "a@x.org", "\nx\n", 0, "x\n"},
		{"too little room by the command line", "", "-ob99999 a@x.org", "\nx\n", 75, "MinFreeBlocks wants 99999"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := newStation(t, "[submit]\n"+c.toml+"\n"+oneAccount)
			s.Free = func(string) (int64, error) { return free, nil }
			code := s.sendmail(c.in, split(c.line)...)
			said := s.err.String()
			if code == 0 {
				said = s.spool.message
			}
			if code != c.code || (s.spool.puts > 0) != (c.code == 0) || !strings.Contains(said, c.want) || c.want == "" && said != "" {
				t.Errorf("exit %d, %d queued: %.300q", code, s.spool.puts, said)
			}
			if c.reason == "a lone dot ends a message" && strings.Contains(said, "two") {
				t.Error("it did not")
			}
		})
	}
}

// Coverage: B134.
func TestBodiesAreNotReturnedWhereThatIsPrivate(t *testing.T) {
	for _, c := range []struct{ reason, toml, line, want string }{
		{"what the sender asks for", "", "-R full a@x.org", "FULL"},
		{"nobodyreturn in the file", "[submit]\nprivacy_options = [\"nobodyreturn\"]\n", "-R full a@x.org", "HDRS"},
		{"nobodyreturn on the command line", "", "-opnobodyreturn a@x.org", "HDRS"},
	} {
		s := newStation(t, c.toml+oneAccount)
		if code := s.sendmail("\nx\n", split(c.line)...); code != 0 || s.spool.envelope.Ret != c.want {
			t.Errorf("%s: exit %d, %+v", c.reason, code, s.spool.envelope)
		}
	}
}

// Coverage: B134.
func TestReceiptsAreNotAskedForWhereThatIsPrivate(t *testing.T) {
	for _, c := range []struct{ reason, toml, line, want string }{
		{"what the sender asks for", "", "-N success,delay a@x.org", "SUCCESS,DELAY"},
		{"noreceipts in the file", "[submit]\nprivacy_options = [\"noreceipts\"]\n", "-N success,delay a@x.org", "DELAY"},
		{"noreceipts on the command line", "", "-opnoreceipts -N success a@x.org", "NEVER"},
		{"nothing was asked for", "", "-opnoreceipts a@x.org", ""},
		{"never stays", "", "-opnoreceipts -N never a@x.org", "NEVER"},
	} {
		s := newStation(t, c.toml+oneAccount)
		if code := s.sendmail("\nx\n", split(c.line)...); code != 0 || s.spool.envelope.To[0].Notify != c.want {
			t.Errorf("%s: exit %d, %+v", c.reason, code, s.spool.envelope)
		}
	}
}

// Coverage: B131.
func TestAFullDiskIsSaidToSMTPClientsBeforeTheMessageIsRead(t *testing.T) {
	s := newStation(t, "[submit]\nmin_free_blocks = 100\n"+oneAccount)
	s.Free = func(string) (int64, error) { return 1 << 10, nil }
	in := strings.NewReader("Subject: x\r\n\r\nx\r\n")
	_, err := s.SubmitSMTP(s.cfg, &s.spool)(t.Context(), &queue.Envelope{From: "me@example.org", To: []queue.Recipient{{Address: "a@x.org"}}}, in)
	if sysexits.Code(err) != sysexits.TempFail || s.spool.puts > 0 || in.Len() != int(in.Size()) {
		t.Errorf("%v, %d queued", err, s.spool.puts)
	}
}

func TestADiskThatCannotBeAskedHasRoom(t *testing.T) {
	s := newStation(t, "[submit]\nmin_free_blocks = 100\n"+oneAccount)
	s.Free = func(string) (int64, error) { return 0, errors.ErrUnsupported }
	if code := s.sendmail("\nx\n", "a@x.org"); code != 0 || s.spool.puts != 1 {
		t.Errorf("exit %d, %d queued", code, s.spool.puts)
	}
}
