package queue

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"mailcrane/internal/sysexits"
)

func testSpool(t *testing.T) *Spool {
	t.Helper()
	return NewSpool(filepath.Join(t.TempDir(), "deep/spool"), swiftDisk{OS{}}, time.Now)
}

func envelope(to ...string) *Envelope {
	e := &Envelope{From: "me@example.org"}
	for _, address := range to {
		e.To = append(e.To, Recipient{Address: address})
	}
	return e
}

func put(t *testing.T, s *Spool, e *Envelope, message string) ID {
	t.Helper()
	id, err := s.Put(t.Context(), e, strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func only(t *testing.T, s *Spool) Name {
	t.Helper()
	names, err := s.Sorted()
	if err != nil || len(names) != 1 {
		t.Fatalf("queue has %v, %v; want one message", names, err)
	}
	return names[0]
}

func TestPutKeepsEnvelopeAndOctetsAsTheyCame(t *testing.T) {
	e := &Envelope{
		From: `"a > b"@example.org`, Ret: "HDRS", EnvID: "QQ314159", UTF8: true, Account: "work", Submitter: "uid 1000 (joe), sendmail -t",
		To: []Recipient{
			{Address: "jürgen@exämple.org"},
			{Address: "ann@example.net", ORcpt: "utf-8;ann\u3000b\u00a0c@example.net"},
			{Address: `"x\" <y>"@example.net`, Notify: "SUCCESS,FAILURE", ORcpt: "rfc822;x+2By@example.net"},
		},
		Received: time.Date(2026, 11, 22, 5, 0, 0, 123456000, time.UTC),
	}
	for _, c := range []struct{ reason, message string }{
		{"ordinary", "Subject: x\n\nbody\n"},
		{"empty", ""},
		{"no final line end", "a\n\nb"},
		{"CRLF and LF mixed", "a: b\r\n\nc\r\n"},
		{"NUL, bare CR and eight bits", "a: b\n\n\x00\r\xff\n"},
		{"looks like an envelope", "to <x@y>\n\nmailcrane-spool 1\n"},
		{"larger than any buffer", strings.Repeat("0123456789abcde\n", 20_000)},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := testSpool(t)
			if _, err := s.Put(t.Context(), e, iotest.OneByteReader(strings.NewReader(c.message))); err != nil {
				t.Fatal(err)
			}
			m, err := s.claim(only(t, s), false)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Release()
			got, err := io.ReadAll(m.Open())
			if err != nil || string(got) != c.message {
				t.Errorf("read back %.60q, %v", got, err)
			}
			if a, b := string(appendEnvelope(nil, m.Envelope)), string(appendEnvelope(nil, e)); a != b {
				t.Errorf("envelope came back as\n%s\nwant\n%s", a, b)
			}
		})
	}
}

func TestNameSaysWhatTheContentNeeds(t *testing.T) {
	long := strings.Repeat("x", 998)
	for _, c := range []struct {
		reason, message string
		want            Content
		size            int64
	}{
		{"plain LF is CRLF on the wire", "a\nb\n", Content{}, 6},
		{"CRLF is counted once", "a\r\nb\r\n", Content{}, 6},
		{"the missing last line end is counted", "a\nb", Content{}, 6},
		{"empty", "", Content{}, 0},
		{"998 octets are no long line", long + "\n", Content{}, 1000},
		{"nor with CRLF", long + "\r\n", Content{}, 1000},
		{"999 are", long + "y\r\n", Content{LongLine: true}, 1001},
		{"also without a line end", long + "y", Content{LongLine: true}, 1001},
		{"eight bits", "\xc3\xbc\n", Content{EightBit: true}, 4},
		{"eight bits behind a word of ASCII", "0123456789\x80\n", Content{EightBit: true}, 13},
		{"NUL", "a\x00b\n", Content{Binary: true}, 5},
		{"CR alone", "a\rb\n", Content{Binary: true}, 5},
		{"CR CR LF", "a\r\r\n", Content{Binary: true}, 4},
		{"CR at the end", "a\r", Content{Binary: true}, 4},
	} {
		for _, split := range []bool{false, true} {
			s := testSpool(t)
			var r io.Reader = strings.NewReader(c.message)
			if split {
				r = iotest.OneByteReader(r)
			}
			if _, err := s.Put(t.Context(), envelope("a@b.c"), r); err != nil {
				t.Fatal(err)
			}
			if n := only(t, s); n.Content != c.want || n.Size != c.size {
				t.Errorf("%s (split %v): %+v, %d octets; want %+v, %d", c.reason, split, n.Content, n.Size, c.want, c.size)
			}
		}
	}
}

func TestPutRefusesAnEnvelopeThatCouldForgeLines(t *testing.T) {
	for _, c := range []struct {
		reason string
		e      *Envelope
	}{
		{"no recipient", &Envelope{From: "a@b.c"}},
		{"a line end in a recipient", envelope("a@b.c>\nto <evil@x.y")},
		{"a line end in the reverse-path", &Envelope{From: "a@b.c\nutf8", To: []Recipient{{Address: "x@y.z"}}}},
		{"an angle bracket outside quotes", envelope("a@b.c> NOTIFY=NEVER")},
		{"an open quote", envelope(`"a@b.c`)},
		{"a space in NOTIFY", &Envelope{To: []Recipient{{Address: "x@y.z", Notify: "NEVER ORCPT=x"}}}},
		{"an empty recipient", envelope("")},
		{"not UTF-8", envelope("\xff@b.c")},
		{"too long", envelope(strings.Repeat("a", 2000) + "@b.c")},
	} {
		s := testSpool(t)
		if _, err := s.Put(t.Context(), c.e, strings.NewReader("x")); sysexits.Code(err) != sysexits.DataErr {
			t.Errorf("%s: error %v, want EX_DATAERR", c.reason, err)
		}
		if names, _ := s.Sorted(); len(names) > 0 {
			t.Errorf("%s: was queued", c.reason)
		}
	}
}

func TestSubmitterIsMadeFitForALine(t *testing.T) {
	s := testSpool(t)
	e := envelope("a@b.c")
	e.Submitter = "sendmail\nto <evil@x.y>\xff" + strings.Repeat("ü", 4000)
	put(t, s, e, "x")
	m, err := s.claim(only(t, s), false)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	if len(m.Envelope.To) != 1 || !strings.HasPrefix(m.Envelope.Submitter, "sendmail?to <evil@x.y>?ü") {
		t.Errorf("envelope is %+v", m.Envelope)
	}
}

func TestPutLeavesNothingWhenTheMessageCannotBeRead(t *testing.T) {
	s := testSpool(t)
	broken := errors.New("pipe broke")
	_, err := s.Put(t.Context(), envelope("a@b.c"), io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("error is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = s.Put(ctx, envelope("a@b.c"), strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	for _, dir := range []string{dirTmp, dirQueue} {
		if left, _ := os.ReadDir(s.path(dir, "")); len(left) > 0 {
			t.Errorf("%s holds %v", dir, left)
		}
	}
}

func TestADamagedFileIsSetAsideWithItsReason(t *testing.T) {
	damage := map[string]func([]byte) []byte{
		"cut short":       func(b []byte) []byte { return b[:len(b)-1] },
		"empty":           func([]byte) []byte { return nil },
		"an octet longer": func(b []byte) []byte { return append(b, 'x') },
		"a bit flipped":   func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
		"another format":  func(b []byte) []byte { return bytes.Replace(b, []byte("spool 1"), []byte("spool 9"), 1) },
	}
	for what, change := range damage {
		s := testSpool(t)
		put(t, s, envelope("a@b.c"), "Subject: x\n\nbody\n")
		name := only(t, s)
		path := s.path(dirQueue, name.String())
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, change(whole), 0o600); err != nil {
			t.Fatal(err)
		}
		put(t, s, envelope("good@b.c"), "Subject: y\n\nbody\n")
		w := newWorld(t, s)
		sum := w.flush()
		if sum.Delivered != 1 || sum.Waiting != 0 {
			t.Errorf("%s: summary %+v; the other message should have gone", what, sum)
		}
		why, err := os.ReadFile(s.path(dirDamaged, name.String()+".why"))
		if err != nil || !strings.Contains(string(why), "set aside") {
			t.Errorf("%s: reason %q, %v", what, why, err)
		}
		if _, err := os.Stat(s.path(dirDamaged, name.String())); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAFileThatIsSetAsideReplacesNoOther(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	put(t, s, envelope("a@b.c"), "x")
	for _, text := range []string{"one", "two", "three"} {
		if err := os.WriteFile(s.path(dirQueue, "core"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w.flush()
	}
	for name, want := range map[string]string{"core": "one", "core.2": "two", "core.3": "three"} {
		if text, err := os.ReadFile(s.path(dirDamaged, name)); string(text) != want {
			t.Errorf("%s holds %q, %v; want %q", name, text, err, want)
		}
		if _, err := os.Stat(s.path(dirDamaged, name+".why")); err != nil {
			t.Error(err)
		}
	}
}

func TestNameReadsBackAsItWasWritten(t *testing.T) {
	for _, n := range []Name{
		{ID: newID(time.Now())},
		{ID: newID(time.Now()), Size: 1 << 40, Recipients: 7, Attempts: 3, Next: time.Unix(1764000000, 0), Sum: 0xdeadbeef},
		{ID: newID(time.Now()), Content: Content{true, true, true}, Held: true, OnWire: true, Unsure: true},
		{ID: newID(time.Now()), rest: ".p7.xyz"},
	} {
		got, err := ParseName(n.String())
		if err != nil || got != n {
			t.Errorf("%s came back as %+v, %v; want %+v", n, got, err, n)
		}
	}
}

func FuzzParseName(f *testing.F) {
	id := newID(time.Unix(1764000000, 0))
	for _, n := range []Name{
		{ID: id},
		{ID: id, Size: 4183, Recipients: 2, Attempts: 1, Next: time.Unix(1764000000, 0), Held: true},
		{
			ID: id, Content: Content{true, true, true}, Held: true, Quarantined: true, OnWire: true, Unsure: true, Warned: true, Edited: true,
			Sum: 1, Key: 2, Class: Class{-60, NonUrgent}, Last: time.Unix(1, 0), NotBefore: time.Unix(2, 0), History: 3,
			unknown: "zA", rest: ".y1.l5",
		},
	} {
		text := n.String()
		f.Add(text[:strings.LastIndex(text, ".")])
	}
	f.Add("06e3yq5v2s9tk.s4183.r2.a1.n0.f8.c9ae3f0d15b7c2e04")
	f.Add("06e3yq5v2s9tk.s-1.r2.a1.n0.f.c000000005b7c2e04.more")
	f.Add("06e3yq5v2s9tk.s1.r2.a1.n0.fwh.c000000005b7c2e04.k00000000.p0n.h0.")
	// A name is read only if it is what would be written.
	f.Fuzz(func(t *testing.T, text string) {
		text += ".x" + string(appendHex(nil, nameSum(text), nameSumDigits))
		n, err := ParseName(text)
		if err != nil {
			return
		}
		if n.String() != text {
			t.Errorf("%q reads as %+v, which is written as %q", text, n, n.String())
		}
		if again, err := ParseName(n.String()); err != nil || again != n {
			t.Errorf("%q reads as %+v, then as %+v, %v", text, n, again, err)
		}
	})
}

func FuzzReadEnvelope(f *testing.F) {
	f.Add(appendEnvelope(nil, &Envelope{From: "a@b.c", To: []Recipient{{Address: "x@y.z", Notify: "NEVER", ORcpt: "rfc822;x"}}, Ret: "FULL", EnvID: "e", UTF8: true, Account: "a", Submitter: "me"}))
	f.Add([]byte("mailcrane-spool 1\nfrom <\nto <a@b>\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, length, err := readEnvelope(bytes.NewReader(text))
		if err != nil {
			return
		}
		if length > int64(len(text)) {
			t.Errorf("says it took %d of %d octets", length, len(text))
		}
		again, _, err := readEnvelope(bytes.NewReader(appendEnvelope(nil, e)))
		if err != nil || string(appendEnvelope(nil, again)) != string(appendEnvelope(nil, e)) {
			t.Errorf("%q is written as %q, which does not read back: %v", text, appendEnvelope(nil, e), err)
		}
	})
}

func TestIDsSortByTimeAndTellIt(t *testing.T) {
	last := ID("")
	for _, year := range []int{1970, 2026, 2042, 2044, 2115} { // 52 bits of time and 13 others are more than a uint64
		at := time.Date(year, 11, 22, 5, 0, 0, 0, time.UTC)
		for i := range 200 {
			now := at.Add(time.Duration(i) * 2 * time.Microsecond)
			id := newID(now)
			if id <= last || id.key() <= last.key() && last != "" {
				t.Fatalf("%s comes after %s", id, last)
			}
			if d := now.Sub(id.Received()); d < 0 || d >= idUnit {
				t.Fatalf("%s says %v, made at %v", id, id.Received(), now)
			}
			last = id
		}
	}
}
