//go:build unix

package smarthost

import (
	"strings"
	"testing"

	"mailcrane/queue"
)

func TestCheckLogsInAndReports(t *testing.T) {
	w := newWorld(t)
	s := serve(t, true, w.good(), "PLAIN")
	a := w.account("work", "me@example.org", s.address)
	r, fault := w.transport().Check(t.Context(), "work")
	if fault != nil {
		t.Fatal(fault.Sentence())
	}
	if r.Account != "work" || r.Server != a.Smarthost.Addr() || r.TLS != "TLS 1.3" || r.Mechanism != "PLAIN" ||
		!r.Capabilities.Pipelining || r.Cost.RoundTrips < 3 || !r.Expires.Equal(testNow.AddDate(1, 0, 0)) {
		t.Errorf("got %+v", r)
	}
	for _, want := range []string{"work: " + a.Smarthost.Addr() + " answers over TLS 1.3", "2027-05-04", "logged in with PLAIN", "PIPELINING, CHUNKING, 8BITMIME"} {
		if !strings.Contains(r.String(), want) {
			t.Errorf("%q is not in:\n%s", want, r)
		}
	}
	s.locked(func() {
		if !strings.Contains(s.heard.String(), "QUIT") || len(s.senders) > 0 {
			t.Errorf("heard: %s", s.heard.String())
		}
	})
}

func TestCheckSaysWhyNot(t *testing.T) {
	w := newWorld(t)
	s := serve(t, true, w.good(), "PLAIN")
	w.account("work", "me@example.org", s.address)
	s.locked(func() { s.password = "another" })
	r, fault := w.transport().Check(t.Context(), "work")
	if r != nil {
		t.Errorf("a report came with the fault: %v", r)
	}
	w.wantFault(fault, queue.StepAuth, "535", "correct the password", true)
}

func TestReportOfAPlainServerThatOffersNothing(t *testing.T) {
	text := (&Report{Account: "local", Server: "localhost:25"}).String()
	for _, want := range []string{"without TLS", "nobody logs in", "no extensions"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
}
