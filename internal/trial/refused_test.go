package trial

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
)

// quick is how long the messages around a bad one may take: no time-out of a
// usual configuration fits into it.
const quick = 15 * time.Second

const (
	others    = 5
	badPlace  = 2 // of the bad message, among the others
	you       = "you@trial.example"
	badLetter = "the-bad-one"
)

// around hands in the bad letter among others and makes a queue run.
func (h *home) around(to ...string) result {
	h.t.Helper()
	for n := range others {
		if n == badPlace {
			h.mail(badLetter, to...)
		}
		h.mail(fmt.Sprintf("other-%d", n), you)
	}
	return h.run("", "mailcrane", "flush")
}

// wantOthers: all of them, once and whole.
func (s *smarthost) wantOthers(t *testing.T) {
	t.Helper()
	for n := range others {
		id := fmt.Sprintf("other-%d", n)
		if got := s.received()[id]; len(got) != 1 || !got[0].whole() {
			t.Errorf("%s arrived %d times", id, len(got))
		}
	}
}

// bounces are the reports that came to me.
func (s *smarthost) bounces() []receipt {
	var found []receipt
	for _, all := range s.received() {
		for _, r := range all {
			if r.from == "" {
				found = append(found, r)
			}
		}
	}
	return found
}

func TestOneRefusedMessageComesBackAndTheOthersGo(t *testing.T) {
	t.Parallel()
	bad := func(at step) bool {
		return at.from == "bad@trial.example" || slices.Contains(at.to, "bad@trial.example")
	}
	for _, c := range []struct {
		reason     string
		noChunking bool
		answer     func(at step) string
		to         []string
		because    []string // in the bounce
		gets       []string // recipients who get the letter all the same
	}{
		{
			reason: "550 to RCPT", to: []string{"bad@trial.example"}, because: []string{"<bad@trial.example>\n    (reason: 550 5.1.1 no such user"},
			answer: func(at step) string {
				if at.verb == "RCPT" && strings.HasPrefix(at.argument, "TO:<bad@") {
					return "550 5.1.1 no such user"
				}
				return ""
			},
		},
		{
			reason: "one of three recipients refused", to: []string{"a@trial.example", "bad@trial.example", "b@trial.example"},
			because: []string{"<bad@trial.example>\n    (reason: 550 5.1.1 no such user"}, gets: []string{"a@trial.example", "b@trial.example"},
			answer: func(at step) string {
				if at.verb == "RCPT" && strings.HasPrefix(at.argument, "TO:<bad@") {
					return "550 5.1.1 no such user"
				}
				return ""
			},
		},
		{
			reason: "550 to DATA", noChunking: true, to: []string{"bad@trial.example"}, because: []string{"550 5.7.1 not this one"},
			answer: func(at step) string {
				if at.verb == "DATA" && bad(at) {
					return "550 5.7.1 not this one"
				}
				return ""
			},
		},
		{
			reason: "554 to the final dot", noChunking: true, to: []string{"bad@trial.example"}, because: []string{"554 5.6.0 spam"},
			answer: func(at step) string {
				if at.verb == "end" && at.id() == badLetter && at.from != "" {
					return "554 5.6.0 spam"
				}
				return ""
			},
		},
		{
			reason: "554 to the last chunk", to: []string{"bad@trial.example"}, because: []string{"554 5.6.0 spam"},
			answer: func(at step) string {
				if at.verb == "end" && at.id() == badLetter && at.from != "" {
					return "554 5.6.0 spam"
				}
				return ""
			},
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			s := newSmarthost(t)
			s.behave(behaviour{noChunking: c.noChunking, answer: c.answer})
			h := s.home(t)
			r := h.around(c.to...)
			if r.code != sysexits.OK || len(h.queued()) > 0 || r.took > quick {
				t.Errorf("mailcrane flush: exit code %d after %v, left %q: %s", r.code, r.took, h.queued(), r.said())
			}
			s.wantOthers(t)
			wantBounce(t, s.bounces(), c.because)
			var to []string
			for _, got := range s.received()[badLetter] {
				if got.from != "" {
					to = append(to, got.to...)
				}
			}
			if slices.Sort(to); !slices.Equal(to, c.gets) {
				t.Errorf("the bad letter went to %q, want %q", to, c.gets)
			}
		})
	}
}

func wantBounce(t *testing.T, bounces []receipt, because []string) {
	t.Helper()
	if len(bounces) != 1 || !slices.Equal(bounces[0].to, []string{me}) {
		t.Fatalf("%d bounces, want one to %s: %+v", len(bounces), me, bounces)
	}
	for _, part := range append(because, body(badLetter), "Auto-Submitted: auto-generated") {
		if !strings.Contains(bounces[0].text, part) {
			t.Errorf("the bounce lacks %q:\n%s", part, bounces[0].text)
		}
	}
}

func TestAMailFromRefusedForOneSender(t *testing.T) {
	t.Parallel()
	s := newSmarthost(t)
	s.behave(behaviour{answer: func(at step) string {
		if at.verb == "MAIL" && strings.HasPrefix(at.argument, "FROM:<alias@") {
			return "550 5.7.1 not your address"
		}
		return ""
	}})
	h := s.home(t)
	if r := h.run(letter(badLetter), "sendmail", "-oi", "-f", "alias@trial.example", you); r.code != sysexits.OK {
		t.Fatal(r.said())
	}
	h.mail("other-0", you)
	h.flushed()
	if got := s.received()["other-0"]; len(got) != 1 {
		t.Errorf("the other arrived %d times", len(got))
	}
	// The sender is no address of the account's, so its owner is told.
	wantBounce(t, s.bounces(), []string{"<" + you + ">\n    (reason: 550 5.7.1 not your address"})
}

func TestOneMessageThatHangsTheServerLetsTheOthersGo(t *testing.T) {
	t.Parallel()
	hangs := func(verb string) func(step) string {
		return func(at step) string {
			if at.verb == verb && (slices.Contains(at.to, "bad@trial.example") || at.id() == badLetter) {
				return hang
			}
			return ""
		}
	}
	for _, c := range []struct {
		reason     string
		noChunking bool
		answer     func(at step) string
		uncertain  bool
	}{
		{"no answer to DATA", true, hangs("DATA"), false},
		{"no answer to the final dot", true, hangs("end"), true},
		{"no answer to the last chunk", false, hangs("end"), true},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			s := newSmarthost(t)
			s.behave(behaviour{noChunking: c.noChunking, answer: c.answer})
			h := s.home(t)
			h.configure(h.account(s.url(), s.user, s.caFile) + "[timeout]\ndatainit = \"1s\"\ndatafinal = \"1s\"\n")
			r := h.around("bad@trial.example")
			if r.code != sysexits.TempFail || r.took > quick {
				t.Errorf("mailcrane flush: exit code %d after %v: %s", r.code, r.took, r.said())
			}
			s.wantOthers(t)
			left := h.list()
			if len(left) != 1 || (left[0].State == "uncertain") != c.uncertain || len(s.bounces()) > 0 {
				t.Fatalf("left in the queue: %+v; flush said: %s", left, r.said())
			}
			if c.uncertain && !strings.Contains(r.stdout, left[0].ID+" uncertain") {
				t.Errorf("mailcrane flush does not say that %s is uncertain: %s", left[0].ID, r.said())
			}
			s.behave(behaviour{})
			h.flushed()
			if got := s.received()[badLetter]; len(got) != 1 || !got[0].whole() {
				t.Errorf("once the server answers, the letter arrives %d times", len(got))
			}
		})
	}
}

func TestRealServersRefuseOneOfThree(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) lab.Smarthost{"Postfix": lab.Postfix, "Exim": lab.Exim, "OpenSMTPD": lab.OpenSMTPD} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			box := server.Mailbox(t)
			h := newHome(t, "", server.Password)
			own := box.Address("me")
			h.write(".config/mailcrane/mailcrane.toml", fmt.Sprintf("[account.trial]\nfrom = [%q]\n", own)+
				h.account(server.StartTLSURL(), server.User, server.CAFile))
			args := []string{"-oi", "-f", own, box.Address("a"), box.Address("reject"), box.Address("b")}
			if r := h.run(letter(badLetter), "sendmail", args...); r.code != sysexits.OK {
				t.Fatal(r.said())
			}
			r := h.flushed()
			if !strings.Contains(r.stdout, "refused for "+box.Address("reject")+" (550") {
				t.Errorf("mailcrane flush says:\n%s", r.said())
			}
			for _, who := range []string{"a", "b"} {
				if text := string(box.Wait(box.Address(who)).Body()); text != body(badLetter) {
					t.Errorf("%s got:\n%s", who, text)
				}
			}
			bounce := string(box.Wait(own).Sent)
			for _, part := range []string{"<" + box.Address("reject") + ">\n    (reason: 550", body(badLetter)} {
				if !strings.Contains(bounce, part) {
					t.Errorf("the bounce lacks %q:\n%s", part, bounce)
				}
			}
		})
	}
}
