package msp

import (
	"bytes"
	"strings"
	"testing"

	"mailcrane/internal/header"
)

// The fields that a private submission gets on top.
const (
	fReceived = "Received: by localhost.localdomain (mailcrane); Mon, 02 Mar 2026 13:04:05 +0000\n"
	fDate     = "Date: Mon, 02 Mar 2026 13:04:05 +0000\n"
	fFrom     = "From: me@example.org\n"
	fID       = "Message-ID: <00000000000000000000000000000000@example.org>\n"
	// whole is a header that lacks nothing.
	whole = "Date: x\nFrom: me@example.org\nMessage-ID: <x@y>\n"
)

// The same without privacy.
const (
	open      = "privacy = false\n" + oneAccount
	oReceived = "Received: (from joe@localhost)\n\tby laptop.lan (mailcrane)\n\tfor <a@x.org>; Mon, 02 Mar 2026 15:04:05 +0200\n"
	oDate     = "Date: Mon, 02 Mar 2026 15:04:05 +0200\n"
	oFrom     = "From: Joe Public <me@example.org>\n"
	oID       = "Message-ID: <202603021304.00000000000000000000000000000000@laptop.lan>\n"
)

const noAccount = ""

func TestHeaderGetsTheNamedFixUpsAndNoOthers(t *testing.T) {
	for _, c := range []struct{ reason, toml, line, input, want string }{
		{
			"a header that lacks nothing gets a trace field", oneAccount, "a@x.org",
			whole + "To: a@x.org\n\nbody\n", fReceived + whole + "To: a@x.org\n\nbody\n",
		},
		{
			"a body alone gets a header and a blank line", oneAccount, "a@x.org",
			"hello there\n", fReceived + fDate + fFrom + fID + "\nhello there\n",
		},
		{
			"nothing at all is a message", oneAccount, "a@x.org",
			"", fReceived + fDate + fFrom + fID,
		},
		{
			"a blank line first", oneAccount, "a@x.org",
			"\nA: b\n", fReceived + fDate + fFrom + fID + "\nA: b\n",
		},
		{
			"a line that is no field ends the header", oneAccount, "a@x.org",
			whole + "Subject: x\nhello there\nTo: b\n", fReceived + whole + "Subject: x\n\nhello there\nTo: b\n",
		},
		{
			"a header without a body", oneAccount, "a@x.org",
			whole + "Subject: x", fReceived + whole + "Subject: x",
		},
		{
			"CRLF stays CRLF, and what is added has it", oneAccount, "a@x.org",
			"Subject: x\r\n\r\nbody\r\n", crlf(fReceived+fDate+fFrom+fID) + "Subject: x\r\n\r\nbody\r\n",
		},
		{
			"CRLF in a body alone", oneAccount, "a@x.org",
			"hi there\r\n", crlf(fReceived+fDate+fFrom+fID) + "\r\nhi there\r\n",
		},
		{
			"odd folding, 8-bit, order and case stay", oneAccount, "a@x.org",
			whole + "x-ODD :  a\n\t \n b\xff\nsubject:\xc3\xa4\n\n\xff\x00\r\x01", fReceived + whole + "x-ODD :  a\n\t \n b\xff\nsubject:\xc3\xa4\n\n\xff\x00\r\x01",
		},
		{
			"an mbox line goes, and dates the message", oneAccount, "a@x.org",
			"From joe Sun Mar  1 10:20:30 2026\nSubject: x\n\n", fReceived + "Date: Sun, 01 Mar 2026 08:20:30 +0000\n" + fFrom + fID + "Subject: x\n\n",
		},
		{
			"an mbox line without a date", oneAccount, "a@x.org",
			"From me\n" + whole + "\n", fReceived + whole + "\n",
		},
		{
			"with -s the mbox line stays, as a field, and the header a header", oneAccount, "-s -t",
			"From me\nTo: a@x.org\n\nb\n", fReceived + fDate + fFrom + fID + "X-From-Line: me\nTo: a@x.org\n\nb\n",
		},
		{
			"with -s and no mbox line nothing is added", oneAccount, "-s -t",
			"From: me@example.org\nTo: a@x.org\n\nb\n", fReceived + fDate + fID + "From: me@example.org\nTo: a@x.org\n\nb\n",
		},
		{
			"the Message-ID that is added needs no SMTPUTF8", oneAccount, "a@x.org",
			"From: j@ü.example\n\n", fReceived + fDate + fID + "From: j@ü.example\n\n",
		},
		{
			"what only a mailbox or a program wrote goes", oneAccount, "a@x.org",
			"Return-Path: <x@y>\n" + whole + "FULL-NAME: x\nContent-Length: 7\n\n", fReceived + whole + "\n",
		},

		{
			"Bcc goes where To stands", oneAccount, "-t",
			whole + "To: a@x.org\nBcc: b@x.org,\n c@x.org\nBCC: d@x.org\nX: y\n\n", fReceived + whole + "To: a@x.org\nX: y\n\n",
		},
		{
			"Bcc goes without -t, too", oneAccount, "a@x.org",
			whole + "Cc: a@x.org\nBcc: b@x.org\n\n", fReceived + whole + "Cc: a@x.org\n\n",
		},
		{
			"Bcc alone is emptied", oneAccount, "-t",
			whole + "Bcc: b@x.org\nX: y\nBcc: c@x.org\n\n", fReceived + whole + "Bcc:\nX: y\n\n",
		},
		{
			"Resent-Bcc goes", oneAccount, "-t",
			whole + "To: a@x.org\nResent-To: b@x.org\nResent-Bcc: c@x.org\nResent-Date: x\nResent-From: me@example.org\nResent-Message-ID: <r@y>\n\n",
			fReceived + whole + "To: a@x.org\nResent-To: b@x.org\nResent-Date: x\nResent-From: me@example.org\nResent-Message-ID: <r@y>\n\n",
		},
		{"without a recipient in the header nothing is done", oneAccount, "a@x.org", whole + "\n", fReceived + whole + "\n"},
		{"add-to", oneAccount, "-ONoRecipientAction=add-to a@x.org b@x.org", whole + "\n", fReceived + whole + "To: a@x.org,\n\tb@x.org\n\n"},
		{"add-apparently-to", oneAccount, "-ONoRecipientAction=add-apparently-to a@x.org", whole + "\n", fReceived + whole + "Apparently-To: a@x.org\n\n"},
		{"add-bcc", oneAccount, "-ONoRecipientAction=add-bcc a@x.org", whole + "\n", fReceived + whole + "Bcc:\n\n"},
		{"add-to-undisclosed", oneAccount, "-ONoRecipientAction=add-to-undisclosed a@x.org", whole + "\n", fReceived + whole + "To: undisclosed-recipients:;\n\n"},

		{
			"resending adds its own fields, and the plain ones", oneAccount, "-t",
			"Resent-To: a@x.org\nSubject: x\n\n",
			fReceived + "Resent-" + fDate + "Resent-" + fFrom + "Resent-" + fID + fDate + fFrom + fID + "Resent-To: a@x.org\nSubject: x\n\n",
		},

		{
			"cron's From becomes the person's address, its comment stays", oneAccount, "a@x.org",
			"From: root (Cron Daemon)\nTo: joe\nDate: x\nMessage-ID: <x@y>\n\n",
			fReceived + "From: me@example.org (Cron Daemon)\nTo: me@example.org\nDate: x\nMessage-ID: <x@y>\n\n",
		},
		{
			"a name of no one here gets the domain", oneAccount, "a@x.org",
			whole + "To: ann, \"B, C\" <bob> (x),\n\tc@x.org\n\n", fReceived + whole + "To: ann@example.org, \"B, C\" <bob@example.org> (x),\n\tc@x.org\n\n",
		},
		{
			"users side by side get a comma", oneAccount, "a@x.org",
			whole + "Cc: root joe\n\n", fReceived + whole + "Cc: me@example.org, me@example.org\n\n",
		},
		{
			"words are no addresses", oneAccount, "a@x.org",
			whole + "To: undisclosed recipients\n\n", fReceived + whole + "To: undisclosed recipients\n\n",
		},
		{
			"a broken list stays as it is", oneAccount, "a@x.org",
			whole + "To: a b@c, <x@\n\n", fReceived + whole + "To: a b@c, <x@\n\n",
		},
		{
			"an empty group stays", oneAccount, "a@x.org",
			whole + "To: undisclosed-recipients:;\n\n", fReceived + whole + "To: undisclosed-recipients:;\n\n",
		},
		{
			"in gateway mode nothing is qualified", oneAccount, "-G a@x.org",
			whole + "To: joe\n\n", fReceived + whole + "To: joe\n\n",
		},
		{
			"without an account names get the host", noAccount, "a@x.org",
			whole + "To: joe, ann\n\n", fReceived + whole + "To: joe@laptop.lan, ann@laptop.lan\n\n",
		},
		{
			"a phrase stays as it is", oneAccount, "a@x.org",
			whole + "To: A.B. <a@x.org>, =?utf-8?q?J=C3=B6?= <j@x.org>\n\n", fReceived + whole + "To: A.B. <a@x.org>, =?utf-8?q?J=C3=B6?= <j@x.org>\n\n",
		},

		{"a full name", oneAccount, "-F CronDaemon a@x.org", "\n", fReceived + fDate + "From: CronDaemon <me@example.org>\n" + fID + "\n"},
		{"a full name with a dot", oneAccount, "-F 'Joe Q. Public' a@x.org", "\n", fReceived + fDate + "From: \"Joe Q. Public\" <me@example.org>\n" + fID + "\n"},
		{"a full name that would be more", oneAccount, "-F 'Joe\nBcc: <x@y>' a@x.org", "\n", fReceived + fDate + "From: \"Joe Bcc: <x@y>\" <me@example.org>\n" + fID + "\n"},
		{"a full name with accents", oneAccount, "-F 'Jö Ü' a@x.org", "\n", fReceived + fDate + "From: =?utf-8?q?J=C3=B6_=C3=9C?= <me@example.org>\n" + fID + "\n"},
		{"the full name of a From that is there counts for nothing", oneAccount, "-F Cron a@x.org", whole + "\n", fReceived + whole + "\n"},
		{
			"the sender of -f is the author of a message without one", oneAccount, "-f ann@x.org a@x.org", "\n",
			fReceived + fDate + "From: ann@x.org\nMessage-ID: <00000000000000000000000000000000@x.org>\n\n",
		},
		{"the null sender's author", oneAccount, "-f <> a@x.org", "\n", fReceived + fDate + "From: MAILER-DAEMON@example.org\n" + fID + "\n"},
		{
			"the Message-ID has the author's domain", oneAccount, "a@x.org", "From: X <x@far.example>\nDate: x\n\n",
			fReceived + "Message-ID: <00000000000000000000000000000000@far.example>\nFrom: X <x@far.example>\nDate: x\n\n",
		},
		{
			"-p's protocol, not its host", oneAccount, "-p uucp:far.example a@x.org", whole + "\n",
			strings.Replace(fReceived, ";", " with uucp;", 1) + whole + "\n",
		},

		{"without privacy: who, where and when", open, "a@x.org", "Subject: x\n\n", oReceived + oDate + oFrom + oID + "Subject: x\n\n"},
		{
			"without privacy: several recipients are not named", open, "a@x.org b@x.org", whole + "\n",
			strings.Replace(oReceived, "\n\tfor <a@x.org>", "", 1) + whole + "\n",
		},
		{
			"without privacy: -p's host", open, "-p uucp:far.example a@x.org", whole + "\n",
			"Received: from far.example\n\tby laptop.lan (mailcrane) with uucp\n\tfor <a@x.org>; Mon, 02 Mar 2026 15:04:05 +0200\n" + whole + "\n",
		},
		{
			"without privacy: a mbox line's date has the local zone", open, "a@x.org",
			"From joe Sun Mar  1 10:20:30 2026\nFrom: me@example.org\nMessage-ID: <x@y>\n\n", oReceived + "Date: Sun, 01 Mar 2026 10:20:30 +0200\nFrom: me@example.org\nMessage-ID: <x@y>\n\n",
		},
		{"no warning of -f unless asked for", open, "-f ann@x.org a@x.org", whole + "\n", oReceived + whole + "\n"},
		{
			"authwarnings", open, "-opauthwarnings -f ann@x.org a@x.org", whole + "\n",
			oReceived + "X-Authentication-Warning: laptop.lan: joe set sender to ann@x.org using -f\n" + whole + "\n",
		},
		{"authwarnings of one's own name", open, "-opauthwarnings -f joe a@x.org", whole + "\n", oReceived + whole + "\n"},
		{
			"authwarnings of another configuration and queue", open, "-opauthwarnings -C /x -oQ/q a@x.org", whole + "\n",
			oReceived + "X-Authentication-Warning: laptop.lan: Processed by joe with -C /x\n" +
				"X-Authentication-Warning: laptop.lan: Processed from queue /q\n" + whole + "\n",
		},
		{"privacy tells nothing, asked for or not", oneAccount, "-opauthwarnings -f ann@x.org a@x.org", whole + "\n", fReceived + whole + "\n"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := newStation(t, c.toml)
			words := split(c.line)
			if code := s.sendmail(c.input, append([]string{"-i"}, words...)...); code != 0 {
				t.Fatalf("exit %d: %s", code, &s.err)
			}
			if s.spool.message != c.want {
				t.Errorf("spooled\n%q\nwant\n%q", s.spool.message, c.want)
			}
		})
	}
}

func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

func TestPrivacyTellsNothingOfThisMachine(t *testing.T) {
	s := newStation(t, oneAccount)
	for _, line := range []string{"-t", "-t -f <>", "-t -F Me", "-t -p x:laptop.lan", "-t -f joe", "-t -v"} {
		if code := s.sendmail("To: a@x.org, joe\n\nbody\n", split(line)...); code != 0 {
			t.Fatalf("%s: exit %d: %s", line, code, &s.err)
		}
		if strings.Contains(s.spool.message, "joe") || strings.Contains(s.spool.message, "laptop") ||
			strings.Contains(s.spool.message, "+0200") || strings.Contains(s.spool.message, "Public") {
			t.Errorf("%s: %s", line, s.spool.message)
		}
	}
}

func TestHeaderThatNoServerTakesIsRefused(t *testing.T) {
	for _, c := range []struct{ reason, input, want string }{
		{"a NUL", "Subject: a\x00b\n\n", "552 5.6.0 The header holds a NUL octet, which no mail server takes; nothing was queued"},
		{"a bare CR", "Subject: a\rb\n\n", "552 5.6.0 The header holds a carriage return inside a line, which no mail server takes; nothing was queued"},
		{"a CR that the input ends with", "Subject: a\r", "552 5.6.0 The header holds a carriage return inside a line, which no mail server takes; nothing was queued"},
		{"two CR before LF", "Subject: a\r\r\n\r\n", "552 5.6.0 The header holds a carriage return inside a line, which no mail server takes; nothing was queued"},
		{"too large", "Subject: " + strings.Repeat("x", 256<<10) + "\n\n", "552 5.6.0 Headers too large: more than 262144 octets"},
		{"too large, never ending", strings.Repeat("X: y\n", 256<<10), "552 5.6.0 Headers too large: more than 262144 octets"},
	} {
		s := newStation(t, oneAccount)
		code := s.sendmail(c.input, "-oee", "a@x.org")
		if line, _, _ := strings.Cut(s.err.String(), "\n"); code != 65 || line != c.want || s.spool.puts > 0 {
			t.Errorf("%s: exit %d, said %q", c.reason, code, line)
		}
	}
}

func TestMessageAboveItsBoundIsRefused(t *testing.T) {
	s := newStation(t, oneAccount)
	code := s.sendmail("\n"+strings.Repeat("x", 2000), "-OMaxMessageSize=1000", "a@x.org")
	if code != 65 || !strings.HasPrefix(s.err.String(), "552 5.2.3 Message is too large: more than 1000 octets") || s.spool.puts > 0 {
		t.Errorf("exit %d, said %q", code, &s.err)
	}
}

// FuzzSubmission: what is stored is the input, but for the fix-ups by name.
func FuzzSubmission(f *testing.F) {
	for _, seed := range []string{
		whole + "To: a@x.org\n\nbody\n.\n", "hello\n", "", "\n\n", "From x\nSubject: y\r\n\r\nz", "Bcc: a@x.org\nX: y\n\nTo: b", "To: joe (x), ann <bob>\n\n",
		"Resent-To: a\n b@c\n\n..\n", "Received: x\nReturn-Path: <>\nX:\xff\n", "To: root joe\r\nContent-Length: 3\r\n\r\n", "A:\n\t\n\x00",
	} {
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, input string, ignoreDots bool) {
		s := newStation(t, oneAccount)
		args := []string{"-oeq", "a@x.org"}
		if ignoreDots {
			args = append([]string{"-i"}, args...)
		} else {
			input = dotsByLine(input)
		}
		s.sendmail(stuffed(input, ignoreDots), args...)
		if s.spool.puts == 0 {
			return
		}
		in := input
		if strings.HasPrefix(in, "From ") {
			_, in, _ = strings.Cut(in, "\n")
		}
		wantFields, wantBody := divide(in)
		gotFields, gotBody := divide(s.spool.message)
		if gotBody != wantBody {
			t.Fatalf("%q: body %q became %q", input, wantBody, gotBody)
		}
		next := 0
		for _, field := range wantFields {
			found := false
			for ; next < len(gotFields) && !found; next++ {
				found = bytes.Equal(gotFields[next].Raw, field.Raw)
			}
			if !found {
				t.Fatalf("%q: field %q is gone from %q", input, field.Raw, s.spool.message)
			}
		}
	})
}

// stuffed doubles what the dot rule would take away.
func stuffed(text string, ignoreDots bool) string {
	if ignoreDots {
		return text
	}
	var out strings.Builder
	for line := range strings.Lines(text) {
		if line == "." || strings.HasPrefix(line, "..") || line == ".\n" || line == ".\r\n" {
			out.WriteByte('.')
		}
		out.WriteString(line)
	}
	return out.String()
}

// divide is the fields that no fix-up is about, and the body.
func divide(text string) (fields []header.Field, body string) {
	section, blank, _ := new(header.Scan).End([]byte(text), true)
	for _, f := range header.Parse([]byte(text)[:section]).Fields {
		switch strings.ToLower(f.Name()) {
		case "return-path", "full-name", "content-length", "bcc", "resent-bcc", "from", "sender", "reply-to", "to", "cc",
			"apparently-to", "errors-to", "return-receipt-to", "resent-from", "resent-sender", "resent-reply-to", "resent-to", "resent-cc":
		default:
			fields = append(fields, f)
		}
	}
	return fields, text[section+blank:]
}
