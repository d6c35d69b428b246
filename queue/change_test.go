package queue

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/sysexits"
)

// stands is the envelope and the results of the only message, in short.
func stands(t *testing.T, s *Spool) string {
	t.Helper()
	e, ok := s.Entry(only(t, s))
	if !ok {
		t.Fatal("the message cannot be read")
	}
	return standsAs(e)
}

func standsAs(e Entry) string {
	words := []string{"<" + e.Envelope.From + ">"}
	for i, to := range e.Envelope.To {
		words = append(words, to.Address+":"+e.Results[i].State.String())
	}
	if e.Envelope.Account != "" {
		words = append(words, "account="+e.Envelope.Account)
	}
	if e.Envelope.UTF8 {
		words = append(words, "utf8")
	}
	if !e.Envelope.NotBefore.IsZero() {
		words = append(words, e.Envelope.NotBefore.UTC().Format(time.RFC3339))
	}
	return strings.Join(words, " ")
}

func pointer[T any](v T) *T { return &v }

// Coverage: edit.
func TestAnEditChangesTheEnvelope(t *testing.T) {
	tomorrow := time.Now().Add(24 * time.Hour).Truncate(time.Second)
	for _, c := range []struct {
		reason string
		change Change
		want   string
	}{
		{"another address", Change{Redirect: []Redirection{{"b@x.org", "c@x.org"}}}, "<me@example.org> a@x.org:pending c@x.org:pending"},
		{"in angle brackets, the domain in other letters", Change{Redirect: []Redirection{{"<b@X.ORG>", "<c@x.org>"}}}, "<me@example.org> a@x.org:pending c@x.org:pending"},
		{"one more", Change{Add: []string{"c@x.org"}}, "<me@example.org> a@x.org:pending b@x.org:pending c@x.org:pending"},
		{"one less", Change{Drop: []string{"a@x.org"}}, "<me@example.org> a@x.org:dropped b@x.org:pending"},
		{"all at once", Change{Redirect: []Redirection{{"a@x.org", "d@x.org"}}, Drop: []string{"b@x.org"}, Add: []string{"b@x.org"}}, "<me@example.org> d@x.org:pending b@x.org:dropped b@x.org:pending"},
		{"another sender", Change{From: pointer("you@example.org")}, "<you@example.org> a@x.org:pending b@x.org:pending"},
		{"no sender", Change{From: pointer("<>")}, "<> a@x.org:pending b@x.org:pending"},
		{"another account", Change{Account: pointer("work")}, "<me@example.org> a@x.org:pending b@x.org:pending account=work"},
		{"a time", Change{NotBefore: &tomorrow}, "<me@example.org> a@x.org:pending b@x.org:pending " + tomorrow.UTC().Format(time.RFC3339)},
		{"an address that needs SMTPUTF8", Change{Add: []string{"grå@x.org"}}, "<me@example.org> a@x.org:pending b@x.org:pending grå@x.org:pending utf8"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := testSpool(t)
			id := put(t, s, envelope("a@x.org", "b@x.org"), "Subject: x\n\nbody\n")
			old := only(t, s)
			_, after, err := s.Edit(t.Context(), id, c.change)
			if err != nil {
				t.Fatal(err)
			}
			if got := stands(t, s); got != c.want || standsAs(after) != c.want {
				t.Errorf("it stands as\n%s, and Edit says\n%s; want\n%s", got, standsAs(after), c.want)
			}
			n := only(t, s)
			if !n.Edited || n.Sum != old.Sum || n.History == 0 || n.Key != keyOf(after.Envelope) || !n.NotBefore.Equal(after.Envelope.NotBefore) {
				t.Errorf("the name is %s", n)
			}
		})
	}
}

func TestSMTPUTF8IsAskedForOnlyAsLongAsSomethingNeedsIt(t *testing.T) {
	for _, c := range []struct {
		reason, message string
		utf8            bool
	}{
		{"nothing does", "Subject: x\n\nplain\n", false},
		{"the body has 8-bit text", "Subject: x\n\ngrå\n", false},
		{"the header has", "Subject: grå\n\nplain\n", true},
	} {
		s := testSpool(t)
		e := envelope("grå@x.org")
		e.UTF8 = true
		id := put(t, s, e, c.message)
		_, after, err := s.Edit(t.Context(), id, Change{Redirect: []Redirection{{"grå@x.org", "gra@x.org"}}})
		if err != nil || after.Envelope.UTF8 != c.utf8 || strings.HasSuffix(stands(t, s), "utf8") != c.utf8 {
			t.Errorf("%s: utf8 %v, %v", c.reason, after.Envelope.UTF8, err)
		}
	}
}

func TestAnEditThatCannotBeIsRefusedWhole(t *testing.T) {
	for _, c := range []struct {
		reason string
		change Change
		says   string
	}{
		{"it has the message", Change{Redirect: []Redirection{{"done@x.org", "c@x.org"}}}, "done@x.org has the message already"},
		{"it was refused", Change{Drop: []string{"never@x.org"}}, "was refused for never@x.org"},
		{"to add who has it", Change{Add: []string{"done@x.org"}}, "done@x.org has the message already"},
		{"to add who gets it", Change{Add: []string{"LATER@x.org", "later@X.org"}}, "later@X.org is a recipient of it already"},
		{"to redirect to who gets it", Change{Redirect: []Redirection{{"b@x.org", "later@x.org"}}}, "is a recipient of it already"},
		{"nobody of that name", Change{Drop: []string{"nobody@x.org"}}, "nobody@x.org is no recipient"},
		{"dropped in the same edit", Change{Drop: []string{"b@x.org", "b@x.org"}}, "b@x.org was dropped"},
		{"the last ones", Change{Drop: []string{"b@x.org", "later@x.org"}}, "nobody would be left"},
		{"nothing", Change{}, "nothing of"},
		{"nothing new", Change{From: pointer("me@example.org"), Redirect: []Redirection{{"b@x.org", "b@x.org"}}}, "nothing of"},
		{"no domain", Change{Add: []string{"bob"}}, "no domain stands after the @"},
		{"a line of its own", Change{Add: []string{"a@x.org\tb"}}, "cannot be sent to"},
		{"a forged record", Change{Account: pointer("a\nb")}, "control character"},
		{"a control character of ISO 6429", Change{From: pointer("a\u0085b@x.org")}, "cannot be sent to or from"},
		{"the good with the bad", Change{Add: []string{"c@x.org"}, Drop: []string{"nobody@x.org"}}, "nobody@x.org is no recipient"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := testSpool(t)
			w := newWorld(t, s)
			w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
				switch to.Address {
				case "done@x.org", "me@example.org":
					return refuse(250, "ok"), nil
				case "never@x.org":
					return refuse(550, "no"), nil
				}
				return refuse(450, "later"), nil
			}
			id := put(t, s, envelope("done@x.org", "never@x.org", "b@x.org", "later@x.org"), "x")
			w.flush()
			before, name := stands(t, s), only(t, s)
			_, _, err := s.Edit(t.Context(), id, c.change)
			if err == nil || sysexits.Code(err) != sysexits.DataErr || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Edit says %v, want %q", err, c.says)
			}
			if stands(t, s) != before || only(t, s) != name {
				t.Errorf("it stands as %s under %s", stands(t, s), only(t, s))
			}
		})
	}
}

func TestAnEditedMessageGoesWhereItSaysNow(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	w.answer = func(d *Delivery, to Recipient) (Outcome, *RouteFault) {
		if strings.HasPrefix(to.Address, "old") {
			return refuse(450, "later"), nil
		}
		return refuse(250, "ok"), nil
	}
	e := envelope("done@x.org", "old@x.org", "older@x.org")
	e.To[1].Notify, e.To[1].ORcpt = "NEVER", "rfc822;old@x.org"
	id := put(t, s, e, "x")
	w.flush()
	if n := only(t, s); n.Attempts != 1 || n.Due(time.Now()) {
		t.Fatalf("the name is %s", n)
	}
	_, after, err := s.Edit(t.Context(), id, Change{
		Redirect: []Redirection{{"old@x.org", "new@x.org"}}, Drop: []string{"older@x.org"}, Add: []string{"more@x.org"},
		From: pointer("other@example.org"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if to := after.Envelope.To[1]; to.Notify != "NEVER" || to.ORcpt != "" {
		t.Errorf("the wishes of the changed recipient are %+v", to)
	}
	if n := only(t, s); !n.Due(time.Now()) {
		t.Errorf("it is not due at once: %s", n)
	}
	var routes []Route
	w.runner.Watch = func(e Event) {
		if e.Kind == Settled {
			routes = append(routes, e.Route)
		}
	}
	w.flush()
	for to, want := range map[string]int{"done@x.org": 1, "new@x.org": 1, "more@x.org": 1, "old@x.org": 0, "older@x.org": 0} {
		if w.copies(to) != want {
			t.Errorf("%d copies for %s, want %d", w.copies(to), to, want)
		}
	}
	if !slices.Equal(routes, []Route{"other", "other"}) {
		t.Errorf("it went by %v", routes)
	}
	if names, _ := s.Sorted(); len(names) != 0 {
		t.Errorf("%v is left", names)
	}
}

func TestAnEditOfAMessageThatMayHaveArrivedSaysSo(t *testing.T) {
	s := testSpool(t)
	id := put(t, s, envelope("a@x.org"), "x")
	m, err := s.claim(only(t, s), false)
	if err == nil {
		err = m.rename(func(n *Name) { n.OnWire = true })
	}
	if err != nil {
		t.Fatal(err)
	}
	m.Release() // as if the process had died
	before, after, err := s.Edit(t.Context(), id, Change{Redirect: []Redirection{{"a@x.org", "b@x.org"}}})
	if err != nil || before.Results[0].State != Uncertain || after.Results[0].State != 0 || after.Name.Unsure || after.Name.OnWire {
		t.Errorf("before %v, after %v under %s, %v", before.Results, after.Results, after.Name, err)
	}
}

func TestAMessageOnItsWayIsNotEdited(t *testing.T) {
	s := testSpool(t)
	id := put(t, s, envelope("a@x.org"), "x")
	m, err := s.claim(only(t, s), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Edit(t.Context(), id, Change{Add: []string{"b@x.org"}}); sysexits.Code(err) != sysexits.TempFail {
		t.Errorf("Edit says %v", err)
	}
	s.Patience = time.Minute
	done := make(chan error)
	go func() {
		_, _, err := s.Edit(t.Context(), id, Change{Add: []string{"b@x.org"}})
		done <- err
	}()
	if err := m.rename(func(n *Name) { n.Attempts++ }); err != nil {
		t.Error(err)
	}
	m.Release()
	if err := <-done; err != nil {
		t.Errorf("with patience, Edit says %v", err)
	}
}

func TestHalfAnEditIsNone(t *testing.T) {
	s := testSpool(t)
	id := put(t, s, envelope("a@x.org", "b@x.org"), "x")
	n := only(t, s)
	half := []Record{{At: time.Now(), To: 0, Address: "a@x.org", Event: "dropped"}}
	if _, err := s.appendRecords(n, half); err != nil {
		t.Fatal(err)
	}
	const untouched = "<me@example.org> a@x.org:pending b@x.org:pending"
	if m, err := s.claim(n, false); err != nil || len(m.Pending()) != 2 {
		t.Fatalf("half an edit is believed: %v", err)
	} else {
		m.Release()
	}
	// The next one must not make the first half good.
	if _, _, err := s.Edit(t.Context(), id, Change{Add: []string{"c@x.org"}}); err != nil {
		t.Fatal(err)
	}
	if got := stands(t, s); got != untouched+" c@x.org:pending" {
		t.Errorf("it stands as %s", got)
	}
}

func TestAnEndWithoutItsLinesIsDamage(t *testing.T) {
	s := testSpool(t)
	put(t, s, envelope("a@x.org"), "x")
	n := only(t, s)
	if _, err := s.appendRecords(n, []Record{{At: time.Now(), To: -1, Event: EventEdited, Code: 1}}); err != nil {
		t.Fatal(err)
	}
	_, err := s.claim(n, false)
	if _, damaged := errors.AsType[*damagedError](err); !damaged {
		t.Errorf("claim says %v", err)
	}
}

// Coverage: later.
func TestAMessageLeavesAtItsTimeAndNotBefore(t *testing.T) {
	s := testSpool(t)
	now := time.Now()
	w := newWorld(t, s)
	w.runner.Now = func() time.Time { return now }
	e := envelope("a@x.org")
	e.NotBefore = now.Add(time.Hour)
	put(t, s, e, "x")
	if sum := w.flush(); sum.Later != 1 || sum.Waiting != 0 || w.copies("a@x.org") != 0 {
		t.Errorf("before its time: %+v, %d copies", sum, w.copies("a@x.org"))
	}
	now = now.Add(time.Hour + time.Second)
	if sum := w.flush(); sum.Delivered != 1 {
		t.Errorf("at its time: %+v", sum)
	}
}

// Coverage: undo.
func TestAMessageCanBeTakenBackForAWhile(t *testing.T) {
	s := testSpool(t)
	now := time.Now()
	w := newWorld(t, s)
	w.runner.Tuning.Undo = 20 * time.Second
	w.runner.Now = func() time.Time { return now }
	e := envelope("a@x.org")
	e.Grace = 20 * time.Second
	put(t, s, e, "x")
	now = now.Add(19 * time.Second)
	if sum := w.flush(); sum.Later != 1 || w.copies("a@x.org") != 0 {
		t.Errorf("within: %+v", sum)
	}
	now = now.Add(3 * time.Second)
	if sum := w.flush(); sum.Delivered != 1 {
		t.Errorf("after: %+v", sum)
	}
	id := put(t, s, e, "x")
	now = time.Now()
	if err := s.Retry(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if sum := w.flush(); sum.Delivered != 1 {
		t.Errorf("after retry: %+v", sum)
	}
}
