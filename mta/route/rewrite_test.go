package route

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// A sight is how an address is seen where it leaves.
type sight struct{ why, address, want string }

func (w *world) see(t *testing.T, as func(r *Rewriter, address string) (string, error), stays bool, all []sight) {
	t.Helper()
	for _, s := range all {
		got, err := as(w.table.Rewriter(stays), s.address)
		if err != nil || got != s.want {
			t.Errorf("%s: %s is %q, want %q: %v", s.why, s.address, got, s.want, err)
		}
	}
}

func inHeader(t *testing.T) func(*Rewriter, string) (string, error) {
	return func(r *Rewriter, address string) (string, error) { return r.Sender(t.Context(), address, true) }
}

func inEnvelope(t *testing.T) func(*Rewriter, string) (string, error) {
	return func(r *Rewriter, address string) (string, error) { return r.Reverse(t.Context(), address) }
}

func asRecipient(t *testing.T) func(*Rewriter, string) (string, error) {
	return func(r *Rewriter, address string) (string, error) { return r.Recipient(t.Context(), address) }
}

// Coverage: X6.
func TestTheGenericstableRewritesSenders(t *testing.T) {
	w := begin(t, world{
		toml: "[mta.route]\ngenerics = [\"gen.example\"]\ngenerics_entire_domain = true\n",
		maps: map[string]string{"genericstable": `joe+exact@gen.example	one@public.example
joe+*@gen.example	two.%1@public.example
joe@gen.example	three@public.example
@exc.gen.example	%1@exc.public.example
ann+x	four@public.example
ann+*	five.%1@public.example
ann	six@public.example
bare	renamed
joe@mail.example.org	seven@public.example
@mail.example.org	never@public.example
`},
	})
	w.see(t, inHeader(t), false, []sight{
		{"the whole address", "joe+exact@gen.example", "one@public.example"},
		{"user+*, its detail", "joe+x@gen.example", "two.x@public.example"},
		{"the user", "joe@gen.example", "three@public.example"},
		{"the domain", "sue@exc.gen.example", "sue@exc.public.example"},
		{"what is below class G, by the name alone", "ann@a.gen.example", "six@public.example"},
		{"the name with its detail", "ann+x@gen.example", "four@public.example"},
		{"the name and any detail", "ann+y@gen.example", "five.y@public.example"},
		{"in any case", "Joe@Gen.Example", "three@public.example"},
		{"no domain", "ann", "six@public.example"},
		{"our own name", "joe@mail.example.org", "seven@public.example"},
		{"which is not asked for alone", "sue@mail.example.org", "sue@mail.example.org"},
		{"a name for a name", "bare@mail.example.org", "renamed@mail.example.org"},
		{"no entry", "sue@gen.example", "sue@gen.example"},
		{"not in class G", "joe@example.org", "joe@example.org"},
		{"nobody", "", ""},
	})
	w.see(t, inEnvelope(t), false, []sight{{"not in the envelope", "joe@gen.example", "joe@gen.example"}})
	w.see(t, asRecipient(t), false, []sight{{"nor of recipients", "joe@gen.example", "joe@gen.example"}})
}

// Coverage: X6.
func TestMasqueradingHidesOurNames(t *testing.T) {
	const class = "as = \"public.example\"\ndomains = [\"hidden.example\"]\nexceptions = [\"open.example.org\"]\nexposed_users = [\"root\"]\n"
	everywhere := []sight{
		{"class w", "joe@example.org", "joe@public.example"},
		{"our own name", "joe@mail.example.org", "joe@public.example"},
		{"no domain", "joe", "joe@public.example"},
		{"another of ours", "joe@HIDDEN.example", "joe@public.example"},
		{"what is below it is not", "joe@a.hidden.example", "joe@a.hidden.example"},
		{"whom the world sees", "root@example.org", "root@example.org"},
		{"he without a domain", "root", "root@mail.example.org"},
		{"an exception", "joe@open.example.org", "joe@open.example.org"},
		{"a stranger", "joe@far.example", "joe@far.example"},
		{"nobody", "", ""},
	}
	w := begin(t, world{toml: "[mta.masquerade]\n" + class})
	w.see(t, inHeader(t), false, everywhere)
	w.see(t, inHeader(t), true, everywhere[:2])
	w.see(t, inHeader(t), true, []sight{{"the local mailer adds no domain", "joe", "joe"}})
	w.see(t, inEnvelope(t), false, []sight{{"the envelope stays", "joe@example.org", "joe@example.org"}})
	w.see(t, asRecipient(t), false, []sight{{"recipients stay", "joe@example.org", "joe@example.org"}})

	w = begin(t, world{toml: "[mta.masquerade]\nenvelope = true\nall = true\nentire_domain = true\nlimited = true\nlocal_no = true\n" + class})
	w.see(t, inEnvelope(t), false, []sight{{"envelope", "joe@hidden.example", "joe@public.example"}})
	w.see(t, asRecipient(t), false, []sight{{"all", "joe@hidden.example", "joe@public.example"}})
	w.see(t, inHeader(t), false, []sight{
		{"entire_domain", "joe@a.hidden.example", "joe@public.example"},
		{"limited leaves class w", "joe@example.org", "joe@example.org"},
		{"but not a name without a domain", "joe", "joe@public.example"},
	})
	w.see(t, inHeader(t), true, []sight{{"local_no", "joe@hidden.example", "joe@hidden.example"}})
}

func TestANullClientIsSeenAsItsHub(t *testing.T) {
	w := begin(t, world{toml: "[mta.route]\nnull_client = \"esmtp:[hub.example]\"\n"})
	w.see(t, inEnvelope(t), false, []sight{{"the envelope", "joe@mail.example.org", "joe@hub.example"}})
	w.see(t, asRecipient(t), false, []sight{{"recipients", "ann", "ann@hub.example"}})
}

// Coverage: X6.
func TestTheHeaderOfAMessageIsRewrittenAndAllElseStays(t *testing.T) {
	w := begin(t, world{
		toml: "[mta.masquerade]\nas = \"public.example\"\n",
		maps: map[string]string{"domaintable": "old.example new.example\n", "genericstable": "joe@mail.example.org joe.doe@public.example\n"},
	})
	const came = "Received: from old.example by mail.example.org\r\n" +
		"FROM :  \"Doe, Joe\" (me)  <joe@mail.example.org> (at home)\r\n" +
		"To: ann@old.example,\r\n\tgroup: sue@old.example, bob@example.org;, kim@far.example\r\n" +
		"Resent-From: root@example.org\r\n" +
		"Subject: joe@mail.example.org\r\n" +
		"Reply-To: broken <joe@example.org\r\n" +
		"X-From: joe@example.org\r\n\r\nFrom: joe@example.org\r\n\x00\xff"
	const want = "Received: from old.example by mail.example.org\r\n" +
		"FROM :  \"Doe, Joe\" (me)  <joe.doe@public.example> (at home)\r\n" +
		"To: ann@new.example,\r\n\tgroup: sue@new.example, bob@example.org;, kim@far.example\r\n" +
		"Resent-From: root@public.example\r\n" +
		"Subject: joe@mail.example.org\r\n" +
		"Reply-To: broken <joe@example.org\r\n" +
		"X-From: joe@example.org\r\n\r\nFrom: joe@example.org\r\n\x00\xff"
	for _, in := range []io.Reader{strings.NewReader(came), iotest.OneByteReader(strings.NewReader(came))} {
		out, err := w.table.Rewriter(false).Message(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(out)
		if err != nil || string(got) != want {
			t.Errorf("%v:\n%q, want\n%q", err, got, want)
		}
	}
	untouched := "From: a@far.example (\xff)\nto:b\xff@far.example\n\nbody"
	out, err := w.table.Rewriter(false).Message(t.Context(), strings.NewReader(untouched))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(out); string(got) != untouched {
		t.Errorf("what nothing is said of: %q", got)
	}
	if _, err := w.table.Rewriter(false).Message(t.Context(), iotest.ErrReader(io.ErrUnexpectedEOF)); err == nil {
		t.Error("a message that cannot be read is no message")
	}
}

func FuzzMessage(f *testing.F) {
	for _, seed := range []string{"From: joe@mail.example.org\n\nx", "To: a@b, \"c\"@example.org;\r\n", "From: <@x:joe@example.org>", "From:joe\n (a\n b) <joe@[192.0.2.1]>\n", "x"} {
		f.Add(seed)
	}
	w := world{toml: "[mta.masquerade]\nas = \"public.example\"\nall = true\n"}
	f.Fuzz(func(t *testing.T, text string) {
		if w.table == nil {
			if err := w.open(t); err != nil {
				t.Fatal(err)
			}
		}
		out, err := w.table.Rewriter(false).Message(t.Context(), strings.NewReader(text))
		if err != nil {
			return
		}
		once, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		out, err = w.table.Rewriter(false).Message(t.Context(), strings.NewReader(string(once)))
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := io.ReadAll(out); err != nil || string(twice) != string(once) {
			t.Fatalf("%q is rewritten once more: %q", once, twice)
		}
	})
}
