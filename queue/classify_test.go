package queue

import (
	"strings"
	"testing"
	"testing/iotest"

	"mailcrane/queue/dsn"
)

// Coverage: B38.
func TestTheHeaderSaysTheClass(t *testing.T) {
	for _, c := range []struct {
		reason, message string
		want            Class
	}{
		{"no field", "Subject: x\n\nbody\n", Class{}},
		{"nothing at all", "", Class{}},
		{"special-delivery is urgent", "Precedence: special-delivery\n\n", Class{100, Urgent}},
		{"first-class is none", "Precedence: first-class\n\n", Class{}},
		{"list", "Subject: x\nPrecedence: list\n\nbody", Class{-30, NonUrgent}},
		{"bulk", "Precedence: bulk\r\n\r\nbody", Class{-60, NonUrgent}},
		{"junk", "Precedence: junk\n", Class{-100, NonUrgent}},
		{"an unknown word is 0", "Precedence: airmail\n\n", Class{}},
		{"a number is no word", "Precedence: -60\n\n", Class{}},
		{"neither name nor word minds its case", "PRECEDENCE: BuLk\n\n", Class{-60, NonUrgent}},
		{"white space before the colon (RFC 5322 section 4.5.8)", "Precedence : bulk\n\n", Class{-60, NonUrgent}},
		{"folded", "Precedence:\n \tbulk\n\n", Class{-60, NonUrgent}},
		{"folded, with CRLF", "Precedence:\r\n bulk\r\n\r\n", Class{-60, NonUrgent}},
		{"no final line end", "Precedence: bulk", Class{-60, NonUrgent}},
		{"the first field of a name counts", "Precedence: list\nPrecedence: special-delivery\n\n", Class{-30, NonUrgent}},
		{"an unknown first one too", "Precedence: airmail\nPrecedence: bulk\n\n", Class{}},
		{"in the body it says nothing", "Subject: x\n\nPrecedence: bulk\n", Class{}},
		{"behind an empty header", "\nPrecedence: bulk\n", Class{}},
		{"behind a CRLF alone", "\r\nPrecedence: bulk\r\n", Class{}},
		{"behind a line that is no field", "Hello Ann,\nPrecedence: bulk\n", Class{}},
		{"a continuation is no field", "Subject: x\n Precedence: bulk\n\n", Class{}},
		{"a continuation of nothing begins the body", " x\nPrecedence: bulk\n", Class{}},
		{"another name that ends like it", "X-Precedence: bulk\n\n", Class{}},
		{"the body does not prolong the last field", "Precedence: bulk\n\n and more\n", Class{-60, NonUrgent}},
		{"Priority alone", "Priority: urgent\n\n", Class{0, Urgent}},
		{"Priority goes before Precedence in time, not in order", "Precedence: bulk\nPriority: urgent\n\n", Class{-60, Urgent}},
		{"also back to normal", "Priority: Normal\nPrecedence: special-delivery\n\n", Class{100, Normal}},
		{"non-urgent", "Priority: non-urgent\n\n", Class{0, NonUrgent}},
		{"an unknown Priority", "Priority: 1 (Highest)\nPrecedence: bulk\n\n", Class{-60, NonUrgent}},
		{"a mail program's own field", "X-Priority: 1 (Highest)\n\n", Class{0, Urgent}},
		{"as a bare number", "X-Priority: 2\n\n", Class{0, Urgent}},
		{"which says that there is time", "X-Priority: 5\n\n", Class{0, NonUrgent}},
		{"or nothing", "X-Priority: 3 (Normal)\n\n", Class{}},
		{"or nothing that is known", "X-Priority: 12\n\n", Class{}},
		{"no number", "X-Priority: high\n\n", Class{}},
		{"as Outlook and Gnus write it", "Importance: High\n\n", Class{0, Urgent}},
		{"that it can wait", "Importance: low\n\n", Class{0, NonUrgent}},
		{"Priority counts before them", "X-Priority: 1\nImportance: high\nPriority: non-urgent\n\n", Class{0, NonUrgent}},
		{"so does Precedence", "Precedence: bulk\nX-Priority: 1\n\n", Class{-60, NonUrgent}},
		{"and a report stays one", "X-Priority: 1\nContent-Type: multipart/report; report-type=delivery-status\n\n", Class{0, Notice}},
		{"a report", "Content-Type: multipart/report; report-type=delivery-status; boundary=\"x\"\n\n", Class{0, Notice}},
		{"a report, folded and quoted", "Content-Type: Multipart/Report; boundary=\"a;b\\\";report-type=x\";\r\n\tReport-Type = \"delivery-status\"\r\n\r\n", Class{0, Notice}},
		{"another report", "Content-Type: multipart/report; report-type=disposition-notification\n\n", Class{}},
		{"a report without a type", "Content-Type: multipart/report\n\n", Class{}},
		{"another type with that parameter", "Content-Type: multipart/mixed; report-type=delivery-status\n\n", Class{}},
		{"a report of bulk mail", "Precedence: bulk\nContent-Type: multipart/report; report-type=delivery-status\n\n", Class{-60, Notice}},
		{"Priority goes before a report", "Priority: urgent\nContent-Type: multipart/report; report-type=delivery-status\n\n", Class{0, Urgent}},
		{"behind a field longer than is kept", "To: " + strings.Repeat("someone@example.org,\n ", 500) + "x@y\nPrecedence: bulk\n\n", Class{-60, NonUrgent}},
		{"further down than is looked", strings.Repeat("X-Filler: "+strings.Repeat("x", 900)+"\n", 300) + "Precedence: bulk\n\n", Class{}},
	} {
		for _, steps := range []string{"whole", "octet by octet"} {
			s := testSpool(t)
			message := strings.NewReader(c.message)
			var err error
			if steps == "whole" {
				_, err = s.Put(t.Context(), envelope("a@x.org"), message)
			} else {
				_, err = s.Put(t.Context(), envelope("a@x.org"), iotest.OneByteReader(message))
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := only(t, s).Class; got != c.want {
				t.Errorf("%s, %s: %+v, want %+v", c.reason, steps, got, c.want)
			}
		}
	}
}

func TestAReportOfOurOwnIsANotice(t *testing.T) {
	s := testSpool(t)
	r := dsn.Report{To: "me@example.org", Hostname: "x.org", Original: strings.NewReader("Precedence: bulk\n\nbody\n")}
	if _, err := s.Put(t.Context(), ReportEnvelope(&r, "", ""), r.Message()); err != nil {
		t.Fatal(err)
	}
	if got := only(t, s).Class; got != (Class{0, Notice}) {
		t.Errorf("%+v", got)
	}
}

// FuzzClassifier: however the octets are cut, they say the same, and no more
// is kept than there is room for.
func FuzzClassifier(f *testing.F) {
	f.Add("Precedence: bulk\n\nbody", uint8(1))
	f.Add("Precedence:\r\n list\r\nPriority : urgent\r\n\r\n", uint8(3))
	f.Add("Content-Type: multipart/report;\n\treport-type=\"delivery-status\"; boundary=\"\\\"", uint8(7))
	f.Add("\r\r\n:\n\x00", uint8(2))
	f.Add("Content-Type: multipart/report; boundary=\""+strings.Repeat("x", 2000)+"\"\n", uint8(200))
	f.Fuzz(func(t *testing.T, message string, step uint8) {
		var whole, cut scanner
		whole.write([]byte(message))
		whole.end()
		for rest := message; rest != ""; {
			n := min(len(rest), int(step)+1)
			cut.write([]byte(rest[:n]))
			rest = rest[n:]
		}
		cut.end()
		if whole.header.class() != cut.header.class() || whole.size != cut.size || whole.content != cut.content {
			t.Errorf("%q whole: %+v, in steps of %d: %+v", message, whole.header.class(), step+1, cut.header.class())
		}
		var back Class
		class := whole.header.class()
		if class != (Class{}) && (!back.parse("p"+string(class.append(nil))) || back != class) {
			t.Errorf("class %+v does not come back from a name", class)
		}
	})
}

func BenchmarkClassifier(b *testing.B) {
	message := []byte("Received: by x; Sun, 22 Nov 2026 05:10:01 +0000\nFrom: Joe <joe@example.org>\nTo: Ann <ann@example.net>\n" +
		"Subject: the minutes\nDate: Sun, 22 Nov 2026 05:10:01 +0000\nMessage-ID: <1@example.org>\nMIME-Version: 1.0\n" +
		"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + strings.Repeat("A line of the body, as they are.\n", 100))
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		var s scanner
		s.write(message)
		s.end()
	}
}
