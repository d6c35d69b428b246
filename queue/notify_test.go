package queue

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// reports is what the sender was told, by its field Action.
func (w *world) reports(to string) string {
	var said []string
	for _, text := range w.got[to] {
		address := ""
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if to, ok := strings.CutPrefix(line, "Final-Recipient: rfc822; "); ok {
				address = to
			}
			if action, ok := strings.CutPrefix(line, "Action: "); ok {
				said = append(said, action+" "+address)
			}
		}
	}
	return strings.Join(said, ", ")
}

// Coverage: X3.
func TestTheSenderIsToldWhatWasAskedFor(t *testing.T) {
	delivered := refuse(250, "ok")
	for _, c := range []struct {
		why, from, notify string
		outcome           Outcome
		want              string
	}{
		{"a failure, nothing asked", "me@example.org", "", refuse(550, "no"), "failed a@x.org"},
		{"a failure, NEVER", "me@example.org", "NEVER", refuse(550, "no"), ""},
		{"a failure, asked for", "me@example.org", "SUCCESS,FAILURE", refuse(550, "no"), "failed a@x.org"},
		{"a failure, others asked for", "me@example.org", "SUCCESS,DELAY", refuse(550, "no"), ""},
		{"a success, nothing asked", "me@example.org", "", delivered.WithoutDSN(), ""},
		{"a success, asked for, and no server tells", "me@example.org", "SUCCESS", delivered.WithoutDSN(), "relayed a@x.org"},
		{"a success, asked for, and the server tells", "me@example.org", "SUCCESS", delivered, ""},
		{"a success in a mailbox of ours", "me@example.org", "FAILURE,SUCCESS", delivered.InMailbox(), "delivered a@x.org"},
		{"a success, NEVER", "me@example.org", "NEVER", delivered.WithoutDSN(), ""},
		{"a success of a message without a sender", "", "SUCCESS", delivered.WithoutDSN(), ""},
		{"not yet", "me@example.org", "SUCCESS", refuse(450, "later").WithoutDSN(), ""},
		{"no answer", "me@example.org", "SUCCESS", NoAnswer("mx.test", "lost").WithoutDSN(), ""},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
			if to.Address == "a@x.org" {
				return c.outcome, nil
			}
			return refuse(250, "ok"), nil
		}
		e := envelope("a@x.org")
		e.From, e.To[0].Notify = c.from, c.notify
		put(t, s, e, "Subject: x\n\nbody\n")
		sum := w.flush()
		w.flush()
		if got := w.reports("me@example.org"); got != c.want || sum.Failed-sum.Silent != strings.Count(c.want, "failed") {
			t.Errorf("%s: told %q, want %q; %+v", c.why, got, c.want, sum)
		}
	}
}

func TestOneReportTellsOfAllThatFailedInOneAttempt(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
		if strings.HasPrefix(to.Address, "bad") {
			return refuse(550, "no"), nil
		}
		return refuse(250, "ok").WithoutDSN(), nil
	}
	e := envelope("bad1@x.org", "good1@x.org", "bad2@x.org", "good2@x.org", "bad3@x.org")
	for i := range e.To {
		e.To[i].Notify = "SUCCESS,FAILURE"
	}
	e.To[4].Notify = "NEVER"
	put(t, s, e, "Subject: x\n\nbody\n")
	w.flush()
	if got := w.reports("me@example.org"); got != "relayed good1@x.org, relayed good2@x.org, failed bad1@x.org, failed bad2@x.org" || w.copies("me@example.org") != 2 {
		t.Errorf("%d reports: %s", w.copies("me@example.org"), got)
	}
}

func TestTheHeaderAloneComesBackWhereTheRulesSaySo(t *testing.T) {
	for _, c := range []struct {
		why, ret, header string
		notify           string
		outcome          Outcome
		whole            bool
	}{
		{"a failure", "", "", "", refuse(550, "no"), true},
		{"RET=FULL", "FULL", "", "", refuse(550, "no"), true},
		{"RET=HDRS", "HDRS", "", "", refuse(550, "no"), false},
		{"bulk mail", "", "Precedence: bulk\n", "", refuse(550, "no"), false},
		{"urgent mail", "", "Precedence: special-delivery\n", "", refuse(550, "no"), true},
		{"a receipt", "FULL", "", "SUCCESS", refuse(250, "ok").WithoutDSN(), false},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
			if to.Address == "a@x.org" {
				return c.outcome, nil
			}
			return refuse(250, "ok"), nil
		}
		e := envelope("a@x.org")
		e.Ret, e.To[0].Notify = c.ret, c.notify
		put(t, s, e, c.header+"Subject: lunch\n\nthe body\n")
		w.flush()
		got := strings.Join(w.got["me@example.org"], "")
		if strings.Contains(got, "the body") != c.whole || !strings.Contains(got, "Subject: lunch") {
			t.Errorf("%s: %s", c.why, got)
		}
	}
}

func TestThePostmasterSeesFailures(t *testing.T) {
	for _, c := range []struct {
		why, from, notify, header string
		want                      int
	}{
		{"a failure", "me@example.org", "", "", 1},
		{"one that its sender does not want to hear of", "me@example.org", "NEVER", "", 1},
		{"not bulk mail", "me@example.org", "", "Precedence: bulk\n", 0},
		{"not twice", "master@example.org", "", "", 1},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Tuning.PostmasterCopy = "master@example.org"
		w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
			if to.Address == "a@x.org" {
				return refuse(550, "no"), nil
			}
			return refuse(250, "ok"), nil
		}
		e := envelope("a@x.org")
		e.From, e.To[0].Notify = c.from, c.notify
		put(t, s, e, c.header+"Subject: lunch\n\nthe body\n")
		w.flush()
		text := strings.Join(w.got["master@example.org"], "")
		if n := w.copies("master@example.org"); n != c.want || c.from != "master@example.org" && strings.Contains(text, "the body") {
			t.Errorf("%s: %d copies\n%s", c.why, n, text)
		}
	}
}

func TestAReportToSomebodyElsewhereComesFromOurDomain(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	w.runner.Tuning.PostmasterCopy = "master@elsewhere.example"
	w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
		if to.Address == "a@x.org" {
			return refuse(550, "no"), nil
		}
		return refuse(250, "ok"), nil
	}
	put(t, s, envelope("a@x.org"), "Subject: lunch\n\n")
	w.flush()
	text := strings.Join(w.got["master@elsewhere.example"], "")
	if !strings.Contains(text, "\nFrom: Mail Delivery Subsystem <MAILER-DAEMON@example.org>\n") {
		t.Errorf("it is\n%s", text)
	}
}

// Coverage: B36.
func TestADelayIsToldToThoseWhoWantIt(t *testing.T) {
	for _, c := range []struct {
		why, from, header string
		notify            [2]string
		want              string
	}{
		{"nothing asked", "me@example.org", "", [2]string{"", ""}, "delayed a@x.org, delayed b@x.org"},
		{"asked for one", "me@example.org", "", [2]string{"DELAY", "FAILURE"}, "delayed a@x.org"},
		{"NEVER", "me@example.org", "", [2]string{"NEVER", "SUCCESS,FAILURE"}, ""},
		{"no sender", "", "", [2]string{"", ""}, ""},
		{"the owner of a list", "Owner-list@example.org", "", [2]string{"", ""}, ""},
		{"a list's own address", "list-request@example.org", "", [2]string{"", ""}, ""},
		{"bulk mail", "me@example.org", "Precedence: junk\n", [2]string{"", ""}, ""},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		e := envelope("a@x.org", "b@x.org")
		e.From, e.To[0].Notify, e.To[1].Notify = c.from, c.notify[0], c.notify[1]
		put(t, s, e, c.header+"Subject: x\n\nbody\n")
		m, err := s.claim(only(t, s), false)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := w.runner.warn("main", m, 4*time.Hour, time.Now())
		m.Release()
		w.flush()
		if got := w.reports("me@example.org"); err != nil || got != c.want || (rec.Event == EventWarned) != (c.want != "") {
			t.Errorf("%s: %v, %q, told %q, want %q", c.why, err, rec.Text, got, c.want)
		}
	}
}

// hasty is a disk that syncs no directory, which takes its time.
type hasty struct{ OS }

func (hasty) SyncDir(string) error { return nil }

// TestAStopAtAnyStepLosesNoReport has each operation of the disk fail: that one
// alone, or all from there on, as when the process stops. Another process goes
// on.
func TestAStopAtAnyStepLosesNoReport(t *testing.T) {
	for _, c := range []struct {
		why, from string
		answer    func(to string) Outcome
		told      string
	}{
		{"a bounce", "me@example.org", func(to string) Outcome {
			if to == "a@x.org" {
				return refuse(550, "no")
			}
			return refuse(250, "ok")
		}, "me@example.org"},
		{"a receipt", "me@example.org", func(string) Outcome { return refuse(250, "ok").WithoutDSN() }, "me@example.org"},
		{"a double bounce", "gone@x.org", func(to string) Outcome {
			if to == "pm@x.org" {
				return refuse(250, "ok")
			}
			return refuse(550, "no")
		}, "pm@x.org"},
	} {
		reached := true
		for step := 2; reached; step++ {
			stop, once := step/2, step%2 == 0
			operations := 0
			disk := &faultyDisk{Disk: hasty{}, fail: func(string, string) error { return nil }}
			s := NewSpool(filepath.Join(t.TempDir(), "spool"), disk, time.Now)
			e := envelope("a@x.org")
			e.From, e.To[0].Notify = c.from, "SUCCESS,FAILURE"
			put(t, s, e, "Subject: x\n\nbody\n")
			disk.fail = func(string, string) error {
				if operations++; operations == stop || operations > stop && !once {
					return errStop
				}
				return nil
			}
			answer := func(_ *Delivery, to Recipient) (Outcome, *RouteFault) { return c.answer(to.Address), nil }
			first := newWorld(t, s)
			first.runner.Tuning.DoubleBounce = "pm@x.org"
			first.answer = answer
			first.runner.Flush(t.Context(), nil) // it stops
			reached = operations >= stop
			second := newWorld(t, NewSpool(s.Dir(), hasty{}, time.Now))
			second.runner.Tuning.DoubleBounce = "pm@x.org"
			second.answer = answer
			second.flush()
			second.flush()
			n := first.copies(c.told) + second.copies(c.told)
			left, _ := s.Sorted()
			least := 1
			if c.why == "a receipt" && once {
				least = 0 // no reason to send the message itself again
			}
			if n < least || n > 4 || len(left) > 0 {
				t.Errorf("%s, operation %d fails (it alone: %v): told %d times, left %v", c.why, stop, once, n, left)
			}
			if stop > 400 {
				t.Fatalf("%s: it never ends", c.why)
			}
		}
	}
}
