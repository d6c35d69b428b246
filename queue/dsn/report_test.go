package dsn

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

// A parsedReport is a report as another program reads it.
type parsedReport struct {
	header mail.Header
	words  string
	// fields is the status part: the message's, then each recipient's.
	fields []textproto.MIMEHeader
	// kinds is the media types of the parts; original is the last one's text.
	kinds    []string
	original string
}

func parseReport(text string) (parsedReport, error) {
	var p parsedReport
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		return p, err
	}
	p.header = m.Header
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || params["report-type"] != "delivery-status" {
		return p, fmt.Errorf("Content-Type %q: %w", m.Header.Get("Content-Type"), err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return p, err
		}
		var body io.Reader = part
		if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			body = quotedprintable.NewReader(part)
		}
		content, err := io.ReadAll(body)
		if err != nil {
			return p, err
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			return p, err
		}
		p.kinds = append(p.kinds, kind)
		switch len(p.kinds) {
		case 1:
			p.words = string(content)
		case 2:
			if p.fields, err = parseFields(content); err != nil {
				return p, err
			}
		case 3:
			p.original = string(content)
		}
	}
	if len(p.kinds) != 3 {
		return p, fmt.Errorf("it has the parts %v", p.kinds)
	}
	return p, nil
}

func parseFields(content []byte) ([]textproto.MIMEHeader, error) {
	var blocks []textproto.MIMEHeader
	for block := range strings.SplitSeq(strings.TrimRight(string(content), "\n"), "\n\n") {
		fields := textproto.MIMEHeader{}
		for line := range strings.SplitSeq(block, "\n") {
			name, value, ok := strings.Cut(line, ": ")
			if !ok {
				return nil, fmt.Errorf("no field: %q", line)
			}
			fields.Add(name, value)
		}
		blocks = append(blocks, fields)
	}
	return blocks, nil
}

var testTime = time.Date(2026, 11, 22, 5, 10, 1, 0, time.UTC)

// sample is a report with a bit of everything.
func sample(kind Kind) *Report {
	return &Report{
		Kind: kind, To: "me@example.org", From: "me@example.org", Hostname: "localhost.localdomain",
		At: testTime.Add(4 * time.Hour), Received: testTime, EnvID: "QQ+2B314159",
		After: 4 * time.Hour, Until: testTime.Add(5 * 24 * time.Hour), HeaderOnly: kind != Failure,
		Recipients: []Recipient{{
			Address: "bob@example.net", ORcpt: "rfc822;bob+2Bx@old.example", Host: "mx.example.net",
			Reply: Reply{550, "5.1.1", "no such user"}, Last: testTime.Add(3 * time.Hour),
		}},
		Original: strings.NewReader("From: me@example.org\nTo: bob+x@old.example\nSubject: lunch\nMessage-ID: <1@example.org>\n\nAt noon?\n"),
	}
}

func samples() map[string]*Report {
	late := sample(Delay)
	late.Recipients[0].Reply = Reply{450, "4.2.0", "greylisted, try later"}
	receipt := sample(Receipt)
	receipt.Recipients[0].Reply, receipt.Recipients[0].Success = Reply{250, "2.0.0", "queued as 4711"}, Relayed
	both := sample(Receipt)
	both.Recipients = []Recipient{
		{Address: "ann@example.net", Success: Delivered, Reply: Reply{250, "", "ok"}},
		{Address: "bob@example.net", Success: Relayed, Host: "mx.example.net", Reply: Reply{250, "2.0.0", "ok"}},
	}
	spread := sample(Receipt)
	spread.Recipients = []Recipient{{Address: "staff@example.net", Success: Expanded, Reply: Reply{250, "2.0.0", "ok"}}}
	several := sample(Failure)
	several.HeaderOnly = true
	several.Recipients = append(several.Recipients,
		Recipient{Address: "carl@example.net", Host: "mx.example.net", Reply: Reply{552, "", "over quota"}},
		Recipient{Address: "dora@example.com", Reply: Reply{0, "4.4.7", "tried for 5 days without success; the last answer was: 450 4.2.0 later"}},
	)
	double := sample(Failure)
	double.From, double.To = "", "postmaster@example.org"
	// What this machine itself has found was no session with anybody.
	own := sample(Failure)
	own.Hostname, own.Preface = "mail.example.org", "Questions?\tCall\x1b 555-1234,\r\n\nor write to help@example.org.\n\n"
	own.Recipients[0].Host, own.Recipients[0].Reply = "", Reply{550, "5.1.1", "User unknown"}
	own.Recipients = append(own.Recipients, several.Recipients[1])
	global := sample(Failure)
	global.To, global.From, global.UTF8 = "grå@exämple.org", "grå@exämple.org", true
	global.Recipients = []Recipient{{
		Address: "δοκιμή@παράδειγμα.example", ORcpt: `utf-8;\x{3B4}\x{2B}x@old.example`, Host: "192.0.2.1",
		Reply: Reply{550, "5.1.1", "άγνωστος"},
	}}
	const international = "From: <grå@exämple.org>\nTo: <δοκιμή@παράδειγμα.example>\nSubject: middag\n\nVi ses på lördag =)\n"
	global.Original = strings.NewReader(international)
	downgraded := *global
	downgraded.To, downgraded.From = "me@example.org", "me@example.org"
	downgraded.Original = strings.NewReader(international)
	globalHeader := *global
	globalHeader.HeaderOnly, globalHeader.Original = true, strings.NewReader(international)
	return map[string]*Report{
		"failure": sample(Failure), "failures": several, "warning": late, "receipt": receipt, "receipts": both, "expanded": spread,
		"postmaster": sample(PostmasterCopy), "double": double, "own": own,
		"global": global, "global-header": &globalHeader, "downgraded": &downgraded,
	}
}

// settled takes what is random out of a report.
func settled(text string) string {
	text = regexp.MustCompile(`report-[0-9a-f]{32}`).ReplaceAllString(text, "report-BOUNDARY")
	return regexp.MustCompile(`<[0-9a-f]{32}@`).ReplaceAllString(text, "<RANDOM@")
}

// Coverage: X3.
func TestReportsOfEachKindAreAsAgreed(t *testing.T) {
	for name, report := range samples() {
		text, err := io.ReadAll(report.Message())
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name+".golden")
		got := settled(string(text))
		if *updateGolden {
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v; it is now\n%s", name, err, got)
		}
		if _, err := parseReport(string(text)); err != nil {
			t.Errorf("%s: another program cannot read it: %v", name, err)
		}
		if ascii([]byte(report.To)) && !ascii(text) {
			t.Errorf("%s: its receiver may not take more than ASCII", name)
		}
		if report.International() == ascii([]byte(report.To)) {
			t.Errorf("%s: sent under SMTPUTF8: %t", name, report.International())
		}
	}
}

// Coverage: X3.
func TestTheFieldsSayWhatRFC3464Asks(t *testing.T) {
	for _, c := range []struct {
		report, field, want string
		recipient           int // 0 is the message's own fields
	}{
		{"failure", "Original-Envelope-Id", "QQ+314159", 0}, // xtext decoded
		{"failure", "Reporting-MTA", "dns; localhost.localdomain", 0},
		{"failure", "Arrival-Date", "Sun, 22 Nov 2026 05:10:01 +0000", 0},
		{"failure", "Original-Recipient", "rfc822; bob+x@old.example", 1},
		{"failure", "Final-Recipient", "rfc822; bob@example.net", 1},
		{"failure", "Action", "failed", 1},
		{"failure", "Status", "5.1.1", 1},
		{"failure", "Remote-MTA", "dns; mx.example.net", 1},
		{"failure", "Diagnostic-Code", "smtp; 550 5.1.1 no such user", 1},
		{"failure", "Last-Attempt-Date", "Sun, 22 Nov 2026 08:10:01 +0000", 1},
		{"failure", "Will-Retry-Until", "", 1},
		{"failures", "Original-Recipient", "", 2}, // no ORCPT: RFC 3461 section 6.3 (d)
		{"failures", "Status", "5.0.0", 2},        // the server gave none
		{"failures", "Status", "4.4.7", 3},
		{"failures", "Diagnostic-Code", "", 3}, // no server said it
		{"warning", "Action", "delayed", 1},
		{"warning", "Status", "4.2.0", 1},
		{"warning", "Will-Retry-Until", "Fri, 27 Nov 2026 05:10:01 +0000", 1},
		{"receipt", "Action", "relayed", 1},
		{"receipt", "Status", "2.0.0", 1},
		{"receipts", "Action", "delivered", 1},
		{"receipts", "Action", "relayed", 2},
		{"global", "Final-Recipient", "utf-8; δοκιμή@παράδειγμα.example", 1},
		{"global", "Original-Recipient", "utf-8; δ+x@old.example", 1},
		{"global", "Remote-MTA", "dns; [192.0.2.1]", 1},
		{"downgraded", "Final-Recipient", `utf-8; \x{3B4}\x{3BF}\x{3BA}\x{3B9}\x{3BC}\x{3AE}@\x{3C0}\x{3B1}\x{3C1}\x{3AC}\x{3B4}\x{3B5}\x{3B9}\x{3B3}\x{3BC}\x{3B1}.example`, 1},
		{"downgraded", "Original-Recipient", `utf-8; \x{3B4}\x{2B}x@old.example`, 1},
		{"downgraded", "Diagnostic-Code", "smtp; 550 5.1.1 ????????", 1},
	} {
		p := readReport(t, samples()[c.report])
		if got := p.fields[c.recipient].Get(c.field); got != c.want {
			t.Errorf("%s, recipient %d: %s is %q, want %q", c.report, c.recipient, c.field, got, c.want)
		}
	}
}

func TestAnInternationalMessageComesBackWhole(t *testing.T) {
	for name, kinds := range map[string]string{
		"global":        "text/plain message/global-delivery-status message/global",
		"global-header": "text/plain message/global-delivery-status message/global-headers",
		"downgraded":    "text/plain message/delivery-status message/global",
	} {
		p := readReport(t, samples()[name])
		if got := strings.Join(p.kinds, " "); got != kinds {
			t.Errorf("%s: the parts are %s", name, got)
		}
		if !strings.Contains(p.original, "To: <δοκιμή@παράδειγμα.example>\nSubject: middag\n") ||
			strings.Contains(p.original, "Vi ses på lördag =)") == (name == "global-header") {
			t.Errorf("%s: it holds %q", name, p.original)
		}
		if !strings.Contains(p.words, "δοκιμή@παράδειγμα.example was not delivered") {
			t.Errorf("%s: it says %q", name, p.words)
		}
	}
}

func readReport(t *testing.T, r *Report) parsedReport {
	t.Helper()
	text, err := io.ReadAll(r.Message())
	if err != nil {
		t.Fatal(err)
	}
	p, err := parseReport(string(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return p
}

func TestAReportOnVeryManyRecipientsIsSmall(t *testing.T) {
	r := sample(Failure)
	r.Recipients = nil
	for i := range 100_000 {
		r.Recipients = append(r.Recipients, Recipient{
			Address: fmt.Sprintf("u%d@example.net", i), Reply: Reply{550, "5.1.1", strings.Repeat("no ", 300)},
		})
	}
	text, err := io.ReadAll(r.Message())
	if err != nil {
		t.Fatal(err)
	}
	p, err := parseReport(string(text))
	if err != nil || len(text) > 3<<20 || len(p.fields) != 1+maxListed || p.fields[0].Get("X-Unlisted-Recipients") != "99500" ||
		!strings.Contains(p.words, "and 99500 more") || !strings.Contains(p.words, "100000 recipients") {
		t.Errorf("%d octets, %d recipients listed, %v: %v", len(text), len(p.fields)-1, p.fields[0], err)
	}
}

func TestAdviceFitsTheReply(t *testing.T) {
	for _, c := range []struct {
		reply    Reply
		why, say string
	}{
		{Reply{550, "5.1.1", "x"}, "no such mailbox", "check the address"},
		{Reply{550, "5.1.10", "x"}, "takes no mail", "another address"},
		{Reply{552, "5.2.2", "x"}, "full", "some days"},
		{Reply{552, "", "x"}, "too large, or", "smaller"},
		{Reply{0, "5.3.4", "x"}, "too large", "smaller"},
		{Reply{552, "5.2.3", "x"}, "too large", "smaller"},
		{Reply{554, "5.7.1", "x"}, "by its rules", "read the reason"},
		{Reply{550, "5.7.26", "x"}, "by its rules", "read the reason"},
		{Reply{0, "4.4.7", "x"}, "in the time", "again later"},
		{Reply{550, "5.6.7", "x"}, "beyond ASCII", "another address"},
		{Reply{553, "", "x"}, "not written", "correct"},
		{Reply{550, "", "x"}, "refused", "read the reason"},
		{Reply{550, "5.9.9", "x"}, "refused", "read the reason"},
		{Reply{550, "5", "x"}, "refused", "read the reason"},
		{Reply{0, "", "x"}, "could not be sent", "read the reason"},
	} {
		if a := adviceFor(c.reply); !strings.Contains(a.why, c.why) || !strings.Contains(a.do, c.say) {
			t.Errorf("%v: %q, %q", c.reply, a.why, a.do)
		}
	}
}

func TestXtextIsDecodedWhereItIsSound(t *testing.T) {
	for text, want := range map[string]string{
		"QQ314": "QQ314", "a+2Bb+3Dc": "a+b=c", "a+20b": "a b", "a+0Ab": "a+0Ab", "a+2": "a+2", "a+zz": "a+zz", "+C3": "+C3", "+C3+A5": "å",
	} {
		if got := decodeXtext(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		`a\x{2B}b`: "a+b", `\x{3B4}`: "δ", "δ": "δ", `\x{D800}`: "", `\x{A}`: "", `\x{}`: "", `\x{2B`: "", `\y`: "", `\x{110000}`: "",
	} {
		if got, ok := decodeUTF8Address(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestTimesAreSpelledOut(t *testing.T) {
	for d, want := range map[time.Duration]string{
		4 * time.Hour: "4 hours", 24 * time.Hour: "1 day", 90 * time.Minute: "1 hour 30 minutes", 61 * time.Second: "1 minute 1 second", 0: "no time",
	} {
		if got := spellOut(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// Whatever comes from outside stands where it belongs: the report has three
// parts, its fields are ours, and no line is too long.
func FuzzNothingFromOutsideBreaksAReport(f *testing.F) {
	f.Add("bob@example.net", "rfc822;x+0Abcc:y", "550 no\r\nX-Evil: 1", "mx\nX-Evil: 1", "E+0AX-Evil: 1", "Subject: x\nX-Evil: 1\n\nbody\n", true, true)
	f.Add("δ@x", `utf-8;\x{A}X-Evil`, "--report-", "h", "e", "Message-ID: <a>\r\n\r\n--report-\r\n", false, false)
	f.Add("a@b", "", "\u2028\x00\xff", "", "", "Subject: \xff\n\n--x--\nFrom a\n.\n", false, true)
	f.Fuzz(func(t *testing.T, address, orcpt, reply, host, envid, original string, headerOnly, utf8 bool) {
		for _, to := range []string{"me@example.org", "grå@exämple.org"} {
			r := &Report{
				To: to, From: to, Hostname: "here.example", At: testTime, EnvID: envid, Original: strings.NewReader(original),
				HeaderOnly: headerOnly, UTF8: utf8,
				Recipients: []Recipient{
					{Address: address, ORcpt: orcpt, Host: host, Reply: Reply{550, "5.1.1", reply}},
					{Address: "last@example.org", Reply: Reply{550, reply, "x"}},
				},
			}
			text, err := io.ReadAll(r.Message())
			if err != nil {
				t.Fatal(err)
			}
			p, err := parseReport(string(text))
			if err != nil {
				t.Fatalf("%v\n%q", err, text)
			}
			if len(p.fields) != 3 || p.fields[2].Get("Final-Recipient") != "rfc822; last@example.org" {
				t.Fatalf("fields %q", p.fields)
			}
			for _, fields := range p.fields {
				for name := range fields {
					if strings.HasPrefix(name, "X-") {
						t.Fatalf("a field of theirs: %s\n%q", name, text)
					}
				}
			}
			if p.header.Get("X-Evil") != "" {
				t.Fatalf("%q", p.header)
			}
			head, _, _ := bytes.Cut(text, []byte("message/rfc822\n"))
			if bytes.ContainsAny(head, "\x00\r") || ascii([]byte(to)) && !ascii(head) {
				t.Fatalf("to %s: not every server takes\n%q", to, text)
			}
			for line := range bytes.Lines(head) {
				if len(line) > longestLine+1 {
					t.Fatalf("to %s: a line of %d octets\n%q", to, len(line), text)
				}
			}
		}
	})
}
