package queue

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// Coverage: X7.
func TestARunForSomeRecipientsTriesNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testSpool(t))
		put(t, w.runner.Spool, envelope("ann@x.org", "bob@y.org", "eve@x.org"), "x")
		put(t, w.runner.Spool, envelope("joe@y.org"), "x")
		ofX := func(to Recipient) bool { return strings.HasSuffix(to.Address, "@x.org") }
		sum, err := w.runner.Run(t.Context(), Run{
			Want: func(e Entry) bool { return slices.ContainsFunc(e.Envelope.To, ofX) }, Only: ofX,
		})
		if err != nil || sum.Delivered != 2 {
			t.Fatalf("%+v, %v", sum, err)
		}
		if w.copies("bob@y.org")+w.copies("joe@y.org") != 0 {
			t.Error("somebody else's mail was sent")
		}
		if sum := w.flush(); sum.Delivered != 2 || w.copies("ann@x.org") != 1 || w.copies("bob@y.org") != 1 {
			t.Errorf("afterwards: %+v", sum)
		}
	})
}

func TestWhatWaitsForANodeIsCounted(t *testing.T) {
	s := testSpool(t)
	for _, to := range []string{"a@x.org", "b@x.org", "c@y.org"} {
		put(t, s, envelope(to), "x")
	}
	held := put(t, s, envelope("d@x.org"), "x")
	if err := s.Hold(t.Context(), held, ""); err != nil {
		t.Fatal(err)
	}
	node, err := ParseNode("x.org")
	if err != nil {
		t.Fatal(err)
	}
	for most, want := range map[int]int{10: 2, 1: 1} {
		if n, err := s.WaitingFor(node.Wants, s.now(), most); n != want || err != nil {
			t.Errorf("%d of at most %d, %v", n, most, err)
		}
	}
	if n, _ := s.WaitingFor(NodeOf("").Wants, s.now(), 10); n != 3 {
		t.Errorf("%d wait in the main queue", n)
	}
	if n, _ := s.WaitingFor(NodeOf("side").Wants, s.now(), 10); n != 0 {
		t.Errorf("%d wait in a slow queue", n)
	}
}
