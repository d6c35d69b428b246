package mx

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/mta/access"
	"mailcrane/mta/safefile"
	"mailcrane/queue"
)

// Coverage: A44.
func TestTLSIsTakenWhereItIsOfferedUnlessTheAccessMapSaysNo(t *testing.T) {
	cert, _ := shown(t, "somebody.else")
	for _, c := range []struct {
		why, access string
		offers      bool
		says        map[string]string
		tls         bool
	}{
		{"offered, by whoever it is", "", true, nil, true},
		{"not offered", "", false, nil, false},
		{"Try_TLS NO", "Try_TLS:plain.test NO\n", true, nil, false},
		{"Try_TLS NO for its domain", "Try_TLS:test NO\n", true, nil, false},
		{"Try_TLS NO for its address", "Try_TLS:192.0.2 NO\n", true, nil, false},
		{"Try_TLS NO for another", "Try_TLS:other.test NO\n", true, nil, true},
		{"put off for now", "", true, map[string]string{"STARTTLS": "454 4.7.0 no entropy"}, false},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := standard()
			s := w.servers["192.0.2.3:25"]
			s.cert, s.says = cert, c.says
			if c.offers {
				s.offers = []string{"STARTTLS"}
			}
			got, fault := send(t, w.transport(t, func(o *Options) { o.Access = accessMap(t, c.access) }), "esmtp:plain.test")
			if fault != nil || got[0].State() != queue.Delivered {
				t.Fatalf("%v, %v", got, fault)
			}
			if heard := s.heard(); strings.Contains(heard, "(tls) MAIL") != c.tls || c.tls && !strings.Contains(heard, "(tls) EHLO") {
				t.Errorf("it heard %q", heard)
			}
		})
	}
}

// Coverage: A43.
func TestAServerWhoseTLSIsBrokenIsPassedOverAndMailWaits(t *testing.T) {
	w := standard()
	for _, s := range w.servers {
		s.offers, s.breaksTLS = []string{"STARTTLS"}, true
	}
	var failed []string
	tr := w.transport(t, func(o *Options) {
		o.Failed = func(_ queue.Route, f *queue.RouteFault) { failed = append(failed, f.Server+" "+string(f.Step)) }
	})
	_, fault := send(t, tr, "esmtp:example.org")
	if fault == nil || fault.Step != queue.StepTLS || fault.Server != "mx2.example.org [192.0.2.2]" || fault.NeedsPerson || fault.Hint != "" {
		t.Errorf("%+v", fault)
	}
	if len(failed) != 1 || failed[0] != "mx1.example.org [IPv6:2001:db8::1] "+string(queue.StepTLS) {
		t.Errorf("told: %q", failed)
	}
	for at, s := range w.servers {
		if strings.Contains(s.heard(), "MAIL") {
			t.Errorf("%s heard %q", at, s.heard())
		}
	}
}

func TestWordsBehindTheAnswerToSTARTTLSAreNotTakenForTheServers(t *testing.T) {
	w := standard()
	cert, _ := shown(t, "plain.test")
	s := w.servers["192.0.2.3:25"]
	s.offers, s.cert, s.says = []string{"STARTTLS"}, cert, map[string]string{"STARTTLS": "220 go on\r\n250 2.0.0 injected"}
	if _, fault := send(t, w.transport(t, nil), "esmtp:plain.test"); fault == nil || fault.Step != queue.StepTLS {
		t.Errorf("%v", fault)
	}
}

func TestMailGoesInTheClearWhereTLSFailsAndThatIsAllowed(t *testing.T) {
	w := standard()
	s := w.servers["192.0.2.3:25"]
	s.offers, s.breaksTLS = []string{"STARTTLS"}, true
	clear := func(access string) func(*Options) {
		return func(o *Options) {
			o.Config.MTA.Exchange.TLSFallbackToClear = true
			o.Access = accessMap(t, access)
		}
	}
	got, fault := send(t, w.transport(t, clear("")), "esmtp:plain.test")
	if fault != nil || got[0].State() != queue.Delivered || w.calls() != "192.0.2.3:25 192.0.2.3:25" {
		t.Errorf("%v, %v, %q", got, fault, w.calls())
	}
	if _, fault := send(t, w.transport(t, clear("TLS_Srv:plain.test ENCR:112\n")), "esmtp:plain.test"); fault == nil || fault.Step != queue.StepTLS {
		t.Errorf("not where TLS is required: %v", fault)
	}
}

func TestAServerIsHeldToWhatTheAccessMapAsksOfIt(t *testing.T) {
	cert, roots := shown(t, "plain.test")
	other, others := shown(t, "somebody.else")
	for _, c := range []struct {
		why, access string
		offers      bool
		mine        bool
		want        string // what is wrong, or ""
	}{
		{"encryption that is there", "TLS_Srv:plain.test ENCR:112\n", true, true, ""},
		{"encryption that is not", "TLS_Srv:plain.test ENCR:112\n", false, true, "encryption too weak 0 less than 112"},
		{"a certificate that is", "TLS_Srv: VERIFY\n", true, true, ""},
		{"a certificate of somebody else", "TLS_Srv:plain.test VERIFY\n", true, false, "authentication failed"},
		{"of somebody else, whom the map names", "TLS_Srv:plain.test VERIFY:112+CN:somebody.else\n", true, false, ""},
		{"another name", "TLS_Srv:plain.test ENCR:112+CN:x.test\n", true, true, "CN plain.test does not match x.test"},
		{"no TLS at all", "TLS_Srv:plain.test VERIFY\n", false, true, "other side does not support STARTTLS"},
		{"nothing for this host", "TLS_Srv:other.test VERIFY\n", false, true, ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := standard()
			s := w.servers["192.0.2.3:25"]
			if s.cert = other; c.mine {
				s.cert = cert
			}
			if c.offers {
				s.offers = []string{"STARTTLS"}
			}
			_, fault := send(t, w.transport(t, func(o *Options) {
				o.Access = accessMap(t, c.access)
				if o.Roots = others; c.mine {
					o.Roots = roots
				}
			}), "esmtp:plain.test")
			switch {
			case (fault == nil) != (c.want == ""):
				t.Errorf("%v", fault)
			case fault != nil && !strings.Contains(fault.Err.Error(), c.want):
				t.Errorf("it is %v", fault.Err)
			case fault != nil && strings.Contains(s.heard(), "MAIL"):
				t.Errorf("it heard %q", s.heard())
			}
		})
	}
}

func TestMailIsRefusedWhereNoHostHasTheTLSThatItMustHave(t *testing.T) {
	for _, c := range []struct{ why, access, want string }{
		{"of none", "TLS_Srv: PERM+ENCR:112\n", "failed  503 5.7.0 encryption too weak 0 less than 112"},
		{"one may have it later", "TLS_Srv:mx1.example.org ENCR:112\nTLS_Srv: PERM+ENCR:112\n", ""},
	} {
		got, fault := send(t, standard().transport(t, func(o *Options) { o.Access = accessMap(t, c.access) }), "esmtp:example.org")
		if (fault == nil) != (c.want != "") || fault == nil && says(got[0]) != c.want {
			t.Errorf("%s: %v, %v", c.why, got, fault)
		}
	}
}

func TestARecipientWhoseMailWantsTLSIsPutOffAlone(t *testing.T) {
	w := standard()
	tr := w.transport(t, func(o *Options) {
		o.Access = accessMap(t, "TLS_Rcpt:secret@example.org ENCR:112\nTLS_Rcpt:top@example.org PERM+ENCR:112\n")
	})
	got, fault := send(t, tr, "esmtp:plain.test", "secret@example.org", "you@example.org", "top@example.org")
	if fault != nil {
		t.Fatal(fault.Sentence())
	}
	for i, want := range []string{
		"deferred plain.test [192.0.2.3] encryption too weak 0 less than 112 4.7.0",
		"delivered plain.test [192.0.2.3] 250 2.0.0 ok 2.0.0",
		"failed plain.test [192.0.2.3] encryption too weak 0 less than 112 5.7.0",
	} {
		if text := says(got[i]) + " " + got[i].Reply().Enhanced; text != want {
			t.Errorf("%d: %s", i, text)
		}
	}
	if heard := w.servers["192.0.2.3:25"].heard(); strings.Contains(heard, "secret") || strings.Contains(heard, "top@") {
		t.Errorf("it heard %q", heard)
	}
}

func TestMailWaitsWhereNobodyKnowsWhatTheAccessMapAsksFor(t *testing.T) {
	w := standard()
	path := filepath.Join(t.TempDir(), "access")
	m, err := access.Open(path, safefile.Rules{}, access.Options{}, slog.New(slog.DiscardHandler), time.Now)
	if err == nil {
		t.Fatal("a file that is not there was read")
	}
	_, fault := send(t, w.transport(t, func(o *Options) { o.Access = m }), "esmtp:plain.test")
	if fault == nil || fault.Step != queue.StepConfig || fault.NeedsPerson || w.calls() != "" {
		t.Errorf("%v, %q", fault, w.calls())
	}
}
