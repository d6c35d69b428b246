package listen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

func TestTheReplyToEHLOOffersWhatIsKept(t *testing.T) {
	c := dial(t, onSocket(t, new(recorder).submit, Options{MaxSize: 12345, MaxRecipients: 7, Now: func() time.Time { return time.Unix(1795324200, 0) }}))
	c.say("EHLO me\r\n")
	got := strings.ReplaceAll(c.want("250"), "250-", "250 ")
	want := "250 Hello me | 250 PIPELINING | 250 8BITMIME | 250 ENHANCEDSTATUSCODES | 250 CHUNKING | 250 SMTPUTF8 | 250 DSN | 250 FUTURERELEASE 31622400 2027-11-23T05:10:00Z | 250 SIZE 12345 | 250 LIMITS RCPTMAX=7"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Coverage: B134.
func TestWhereThereAreNoReceiptsDSNIsNeitherOfferedNorTaken(t *testing.T) {
	c := dial(t, onSocket(t, new(recorder).submit, Options{NoDSN: true}))
	c.say("EHLO me\r\n")
	if offered := c.want("250"); strings.Contains(offered, "DSN") {
		t.Errorf("it offers %s", offered)
	}
	c.say("MAIL FROM:<me@example.org> RET=HDRS\r\nMAIL FROM:<me@example.org>\r\nRCPT TO:<you@example.org> NOTIFY=SUCCESS\r\n")
	c.want("504", "250 2.1.0", "504")
}

func TestDSNParametersAndAddressesArriveAsTheyWereSent(t *testing.T) {
	var r recorder
	c := dial(t, onSocket(t, r.submit, Options{}))
	c.say("EHLO me\r\n" +
		"MAIL FROM:<\"a b\\\"@\"@example.org> RET=hdrs ENVID=QQ+2B1+3D SMTPUTF8 BODY=8BITMIME SIZE=3\r\n" +
		"RCPT TO:<you+tag@example.org> NOTIFY=success,DELAY ORCPT=rfc822;you+2Btag@example.org\r\n" +
		"RCPT TO:<grå@exämple.org> NOTIFY=NEVER\r\n" +
		"RCPT TO:<root>\r\n" +
		"DATA\r\n")
	c.want("250", "250 2.1.0", "250 2.1.5", "250 2.1.5", "250 2.1.5", "354")
	c.say(".\r\n")
	c.want("250 2.0.0 id1 queued")
	got := r.all()[0].env
	if !strings.HasPrefix(got.Submitter, fmt.Sprintf("uid %d, ", os.Geteuid())) {
		t.Errorf("Submitter = %q, want this user's uid", got.Submitter)
	}
	got.Submitter = ""
	want := queue.Envelope{
		From: `"a b\"@"@example.org`, Ret: "HDRS", EnvID: "QQ+2B1+3D", UTF8: true,
		To: []queue.Recipient{
			{Address: "you+tag@example.org", Notify: "SUCCESS,DELAY", ORcpt: "rfc822;you+2Btag@example.org"},
			{Address: "grå@exämple.org", Notify: "NEVER"},
			{Address: "root"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNothingOfATransactionStaysForTheNext(t *testing.T) {
	var r recorder
	c := dial(t, onSocket(t, r.submit, Options{}))
	c.say("EHLO me\r\nMAIL FROM:<a@b.c> RET=FULL ENVID=x SMTPUTF8\r\nRCPT TO:<d@e.f>\r\nRSET\r\n")
	c.want("250", "250", "250", "250")
	c.again()
	c.data(".\r\n")
	c.want("250")
	got := r.all()[0].env
	if got.Ret != "" || got.EnvID != "" || got.UTF8 || len(got.To) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestPathsAreJudged(t *testing.T) {
	for _, c := range []struct{ why, rcpt, want, address string }{
		{"plain", "TO:<a@b.c>", "250", "a@b.c"},
		{"no brackets, as scripts write", "TO:a@b.c", "250", "a@b.c"},
		{"a space, as scripts write", "TO: <a@b.c>", "250", "a@b.c"},
		{"lower case", "to:<a@b.c>", "250", "a@b.c"},
		{"no domain, as cron writes", "TO:<root>", "250", "root"},
		{"Postmaster needs none", "TO:<Postmaster>", "250", "Postmaster"},
		{"a quoted local part without domain", `TO:<"a b">`, "250", `"a b"`},
		{"a quoted local part keeps its quotes", `TO:<"a b"@c.d>`, "250", `"a b"@c.d`},
		{"an at sign within quotes", `TO:<"a@b"@c.d>`, "250", `"a@b"@c.d`},
		{"a closing bracket within quotes", `TO:<"a>b"@c.d>`, "250", `"a>b"@c.d`},
		{"dots as real addresses have them", "TO:<.a..b.@c.d>", "250", ".a..b.@c.d"},
		{"a source route is left out", "TO:<@x.y,@z:a@b.c>", "250", "a@b.c"},
		{"an address literal", "TO:<a@[IPv6:::1]>", "250", "a@[IPv6:::1]"},
		{"an underscore in a domain", "TO:<a@b_c.d>", "250", "a@b_c.d"},
		{"two at signs: go-smtp gives the same text as for the quoted one", "TO:<a@b@c.d>", "501 5.1.3", ""},
		{"nothing", "TO:", "501 5.1.3", ""},
		{"a null recipient", "TO:<>", "501 5.1.3", ""},
		{"no colon", "TO <a@b.c>", "501 5.5.4", ""},
		{"an open bracket", "TO:<a@b.c", "501 5.1.3", ""},
		{"an open quote", `TO:<"a@b.c>`, "501 5.1.3", ""},
		{"an empty local part", "TO:<@b.c>", "501 5.1.3", ""},
		{"an empty quoted local part", `TO:<""@b.c>`, "501 5.1.3", ""},
		{"an empty domain", "TO:<a@>", "501 5.1.3", ""},
		{"an empty label", "TO:<a@b..c>", "501 5.1.3", ""},
		{"an empty literal", "TO:<a@[]>", "501 5.1.3", ""},
		{"a display name", "TO:Me <a@b.c>", "555 5.5.4", ""},
		{"two recipients", "TO:<a@b.c>,<d@e.f>", "501 5.1.3", ""},
		{"a comma", "TO:<a,b@c.d>", "501 5.1.3", ""},
		{"8-bit without SMTPUTF8", "TO:<å@b.c>", "553 5.6.7", ""},
		{"an unknown parameter", "TO:<a@b.c> FROB=1", "555 5.5.4", ""},
		{"DELIVERBY, which is not offered", "TO:<a@b.c> BY=1;R", "555 5.5.4", ""},
		{"MT-PRIORITY, which is not offered", "TO:<a@b.c> MT-PRIORITY=1", "555 5.5.4", ""},
		{"a parameter twice", "TO:<a@b.c> NOTIFY=NEVER NOTIFY=DELAY", "501 5.5.4", ""},
		{"NEVER and another", "TO:<a@b.c> NOTIFY=NEVER,DELAY", "501 5.5.4", ""},
		{"ORCPT that is no xtext", "TO:<a@b.c> ORCPT=rfc822;a+2", "501 5.5.4", ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			var r recorder
			p := dial(t, onSocket(t, r.submit, Options{}))
			p.say("EHLO x\r\nMAIL FROM:<>\r\nRCPT " + c.rcpt + "\r\n")
			p.want("250", "250", c.want)
			if c.address == "" {
				return
			}
			p.data(".\r\n")
			p.want("250")
			if got := r.all()[0].env; got.To[0].Address != c.address || got.From != "" {
				t.Errorf("got %+v, want %q", got, c.address)
			}
		})
	}
}

func TestMAILParametersAreJudged(t *testing.T) {
	for _, c := range []struct{ why, params, want string }{
		{"SIZE of just the limit", " SIZE=1000", "250"},
		{"SIZE beyond the limit", " SIZE=1001", "552 5.3.4"},
		{"SIZE of 4 GiB: go-smtp answers 501", " SIZE=4294967296", "552 5.3.4"},
		{"SIZE beyond 64 bits", " SIZE=99999999999999999999", "552 5.3.4"},
		{"SIZE that is no number", " SIZE=x", "501 5.5.4"},
		{"BINARYMIME, which is not offered", " BODY=BINARYMIME", "504 5.5.4"},
		{"AUTH, which is not offered", " AUTH=<>", "555 5.5.4"},
		{"an unknown parameter", " FROB", "555 5.5.4"},
		{"a RET that is none", " RET=ALL", "501 5.5.4"},
		{"an ENVID that is no xtext", " ENVID=+2", "501 5.5.4"},
		{"something between path and parameters", "x SIZE=1", "501 5.1.7"},
	} {
		t.Run(c.why, func(t *testing.T) {
			p := dial(t, onSocket(t, new(recorder).submit, Options{MaxSize: 1000}))
			p.say("EHLO x\r\nMAIL FROM:<a@b.c>" + c.params + "\r\n")
			p.want("250", c.want)
		})
	}
}

func TestMessagesArriveByteForByte(t *testing.T) {
	all := make([]byte, 0, 256)
	for c := 1; c < 256; c++ {
		if c != '\r' && c != '\n' {
			all = append(all, byte(c))
		}
	}
	for _, c := range []struct{ name, body string }{
		{"an empty message", ""},
		{"an empty body", "Subject: x\r\n\r\n"},
		{"no header", "\r\nhello\r\n"},
		{"only an empty line", "\r\n"},
		{"dots", ".\r\n..\r\n...\r\n.a\r\na.\r\n\r\n.\r\n"},
		{"every octet but NUL", string(all) + "\r\n"},
		{"a line of 100,000 octets", strings.Repeat("x", 100_000) + "\r\n"},
		{"dots at the edges of blocks", strings.Repeat(strings.Repeat(".", 61)+"\r\n", 5000)},
		{"what looks like commands", trap[:strings.LastIndex(trap, ".")] + "QUIT\r\n"},
		{"no end of the last line (chunks only)", "Subject: x\r\n\r\nhello"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r recorder
			p := dial(t, onLoopback(t, r.submit, Options{}))
			p.envelope()
			p.say(fmt.Sprintf("BDAT %d LAST\r\n%s", len(c.body), c.body))
			p.want("250 2.0.0")
			want := []string{c.body}
			if c.body == "" || strings.HasSuffix(c.body, "\r\n") {
				p.again()
				p.data(stuff(c.body) + ".\r\n")
				p.want("250 2.0.0")
				want = append(want, c.body)
			}
			wantBodies(t, &r, want...)
		})
	}
}

// stuff adds dots as RFC 5321 section 4.5.2 says, for lines that end in CRLF.
func stuff(body string) string {
	s := strings.ReplaceAll("\r\n"+body, "\r\n.", "\r\n..")
	return s[2:]
}

// Coverage: B133.
func TestMessagesUpToTheLimitAreTakenAndNoLarger(t *testing.T) {
	for _, c := range []struct {
		body string
		want string
	}{
		{strings.Repeat("x", 998) + "\r\n", "250"},
		{strings.Repeat("x", 999) + "\r\n", "552 5.3.4"},
		{strings.Repeat(".\r\n", 332) + "x\r\n\r\n", "552 5.3.4"}, // 1001
		{strings.Repeat(".\r\n", 332) + "xx\r\n", "250"},          // 1000, and 332 dots more on the wire
		{strings.Repeat("x", 1900) + "\r\n", "552 5.3.4"},
	} {
		var r recorder
		p := dial(t, onSocket(t, r.submit, Options{MaxSize: 1000}))
		p.envelope()
		p.data(stuff(c.body) + ".\r\n")
		p.want(c.want)
		p.again()
		half := len(c.body) / 2
		p.say(fmt.Sprintf("BDAT %d\r\n%sBDAT %d LAST\r\n%s", half, c.body[:half], len(c.body)-half, c.body[half:]))
		p.want("250", c.want)
	}
}

func TestAMessageWithoutEndIsCutOff(t *testing.T) {
	p := dial(t, onSocket(t, new(recorder).submit, Options{MaxSize: 1000}))
	p.envelope()
	p.data(strings.Repeat("x", 100_000))
	p.want("552 5.3.4")
	p.wantEnd()
}

// HeapSys is a high-water mark: it does not shrink.
func TestALargeMessageNeedsLittleMemory(t *testing.T) {
	const size, block = 10 << 20, 64 << 10
	var before, during runtime.MemStats
	var got int64
	submit := func(_ context.Context, _ *queue.Envelope, message io.Reader) (queue.ID, error) {
		b := make([]byte, 32<<10)
		for {
			n, err := message.Read(b)
			got += int64(n)
			if errors.Is(err, io.EOF) {
				runtime.ReadMemStats(&during)
				return "big", nil
			}
			if err != nil {
				return "", err
			}
		}
	}
	p := dial(t, onSocket(t, submit, Options{}))
	p.envelope()
	p.data("")
	runtime.GC()
	runtime.ReadMemStats(&before)
	lines := strings.Repeat(strings.Repeat("x", 62)+"\r\n", block/64)
	for range size / block {
		p.say(lines)
	}
	p.say(".\r\n")
	p.want("250 2.0.0 big queued")
	if got != size {
		t.Errorf("%d octets arrived of %d", got, size)
	}
	if grown := during.HeapSys - before.HeapSys; during.HeapSys > before.HeapSys && grown > 4<<20 {
		t.Errorf("the heap grew by %d octets for a message of %d", grown, size)
	}
}

func TestRandomMessagesSurvive(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var r recorder
	p := dial(t, onLoopback(t, r.submit, Options{}))
	p.say("EHLO x\r\n")
	p.want("250")
	var want []string
	for range 200 {
		var b bytes.Buffer
		for range random.IntN(400) {
			b.WriteString([]string{".", "..", "\r\n", "\r\n.", "x", "\xe5", " ", "\r\n\r\n"}[random.IntN(8)])
		}
		b.WriteString("\r\n")
		p.again()
		p.data(stuff(b.String()) + ".\r\n")
		p.want("250")
		want = append(want, b.String())
	}
	wantBodies(t, &r, want...)
}

func TestErrorsOfSubmitBecomePlainReplies(t *testing.T) {
	for _, c := range []struct {
		why  string
		err  error
		want string
	}{
		{"no room", fmt.Errorf("writing: %w", syscall.ENOSPC), "452 4.3.1 The disk that holds the queue is full"},
		{"no quota", &os.PathError{Op: "write", Path: "x", Err: syscall.EDQUOT}, "452 4.3.1"},
		{"a fault without a name", errors.New("spool: two\r\nlines"), "451 4.3.0 The message could not be queued: spool: two??lines"},
		{"a read-only disk", syscall.EROFS, "451 4.3.0"},
		{"stopping", context.Canceled, "451 4.3.2"},
		{"a message that cannot be sent", sysexits.Errorf(sysexits.DataErr, "type this", "bad header"), "554 5.6.0 bad header; type this"},
		{"a user who may not", sysexits.Errorf(sysexits.NoPerm, "", "no"), "550 5.7.1 no"},
		{"no such recipient", sysexits.Errorf(sysexits.NoUser, "", "no"), "550 5.1.1 no"},
		{"a fault of the configuration", sysexits.Errorf(sysexits.Config, "", "no"), "451 4.3.5 no"},
		{"a queue that could not be written", sysexits.Errorf(sysexits.IOErr, "", "no"), "451 4.3.0"},
	} {
		for _, read := range []bool{true, false} {
			t.Run(fmt.Sprint(c.why, ", message read: ", read), func(t *testing.T) {
				submit := func(_ context.Context, _ *queue.Envelope, message io.Reader) (queue.ID, error) {
					if read {
						if _, err := io.Copy(io.Discard, message); err != nil {
							return "", err
						}
					}
					return "", c.err
				}
				p := dial(t, onSocket(t, submit, Options{}))
				p.envelope()
				p.data(trap)
				p.want(c.want)
				p.again()
				p.say("BDAT 4 LAST\r\nx\r\ny")
				p.want(c.want)
				p.say("NOOP\r\n")
				p.want("250")
			})
		}
	}
}

// A Submit that does not read the whole message cannot have kept it.
func TestNothingIsAcceptedThatWasNotReadWhole(t *testing.T) {
	lazy := func(context.Context, *queue.Envelope, io.Reader) (queue.ID, error) { return "lazy", nil }
	p := dial(t, onSocket(t, lazy, Options{}))
	p.envelope()
	p.data("x\r\n.\r\n")
	p.want("451 4.3.0")
	p.again()
	p.say("BDAT 4 LAST\r\nx\r\ny")
	p.want("451 4.3.0")
}

func TestAPanicInSubmitEndsOneConnectionOnly(t *testing.T) {
	boom := func(context.Context, *queue.Envelope, io.Reader) (queue.ID, error) { panic("boom") }
	address := onSocket(t, boom, Options{})
	for _, start := range []string{"DATA\r\n", "BDAT 4 LAST\r\nx\r\ny"} {
		p := dial(t, address)
		p.envelope()
		p.say(start)
		if strings.HasPrefix(start, "DATA") {
			p.want("354")
		}
		p.want("421")
		p.say(trap)
		p.wantEnd()
	}
}
