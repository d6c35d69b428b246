package trial

import (
	"net"
	"slices"
	"strings"
	"testing"

	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
)

// A routeFault is what is wrong, and how the person is told.
type routeFault struct {
	reason         string
	account        func(h *home) string // lines of the configuration
	sentence, hint string
}

// try has mail in the queue while the route is faulty. No message may be
// touched, and every command that shows the queue must say why it waits.
func (f routeFault) try(t *testing.T, h *home, secrets ...string) {
	h.configure(f.account(h))
	for _, id := range []string{"a", "b"} {
		h.mail("route-"+id, "you@trial.example")
	}
	before := h.queued()
	r := h.run("", "mailcrane", "flush")
	if r.code != sysexits.TempFail {
		t.Errorf("mailcrane flush: exit code %d, want %d", r.code, sysexits.TempFail)
	}
	if n := strings.Count(r.stderr, "account trial cannot send now: "); n != 1 {
		t.Errorf("mailcrane flush says it %d times", n)
	}
	said := r.said()
	for name, text := range map[string]string{
		"flush": said, "queue": h.run("", "mailcrane", "queue").said(), "status": h.run("", "mailcrane", "status").said(),
	} {
		if !strings.Contains(text, f.sentence) || !strings.Contains(text, f.hint) {
			t.Errorf("mailcrane %s does not say %q and %q, but:\n%s", name, f.sentence, f.hint, text)
		}
		said += text
	}
	if after := h.queued(); !slices.Equal(before, after) {
		t.Errorf("the queue was\n%q, and is\n%q", before, after)
	}
	if results := h.files("result"); len(results) > 0 {
		t.Errorf("results were written for %q", results)
	}
	h.wantSecret(t, said, secrets...)
}

// silentPort takes connections and never says a word.
func silentPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String() // the kernel accepts, and nobody reads
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestRouteFaultsOfRealServersTouchNoMessage(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) lab.Smarthost{"Postfix": lab.Postfix, "Exim": lab.Exim, "OpenSMTPD": lab.OpenSMTPD} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			_, otherCA := newCertificate(t)
			at := func(url, ca string) func(*home) string {
				return func(h *home) string { return h.account(url, server.User, ca) }
			}
			for _, f := range []routeFault{
				{"wrong password", at(server.ImplicitURL(), server.CAFile), "535", "correct the password in "},
				{"expired certificate", at("smtps://"+server.Expired, server.CAFile), "the certificate expired", "clock"},
				{"expired certificate, STARTTLS", at("smtp://"+server.ExpiredStartTLS, server.CAFile), "the certificate expired", "clock"},
				{"certificate for another name", at("smtps://"+server.WrongName, server.CAFile), "is for other.test, not for 127.0.0.1", "check the name"},
				{"unknown CA", at(server.ImplicitURL(), otherCA), "not trusted", "tls.ca"},
				{"no STARTTLS", at("smtp://"+server.Plain, server.CAFile), "does not offer STARTTLS", "smtps://"},
				{"a plain port where TLS should be", at("smtps://"+server.Plain, server.CAFile), "does not speak TLS at once", "smtp://"},
				{"TLS at once where STARTTLS should be", func(h *home) string {
					return h.account("smtp://"+server.Implicit, server.User, server.CAFile) + "[timeout]\ninitial = \"1s\"\n"
				}, "said nothing for 1s", "smtps://"},
			} {
				t.Run(f.reason, func(t *testing.T) {
					t.Parallel()
					const planted = "planted-but-wrong-password"
					f.try(t, newHome(t, "", planted), planted)
				})
			}
		})
	}
}

// Coverage: B52.
func TestRouteFaultsTouchNoMessage(t *testing.T) {
	t.Parallel()
	const short = "[timeout]\nconnect = \"1s\"\ninitial = \"1s\"\nhelo = \"1s\"\nstarttls = \"1s\"\nauth = \"1s\"\nmail = \"1s\"\n" +
		"rcpt = \"1s\"\ndatainit = \"1s\"\ndatablock = \"1s\"\ndatafinal = \"1s\"\nrset = \"1s\"\nquit = \"1s\"\n"
	for _, c := range []struct {
		reason         string
		answer         func(at step) string
		data           bool // no CHUNKING
		url            func(s *smarthost) string
		sentence, hint string
	}{
		{reason: "closed port", url: func(*smarthost) string { return "smtps://" + closedPort(t) }, sentence: "connection refused", hint: "check the port"},
		{reason: "black hole, TLS", url: func(*smarthost) string { return "smtps://" + silentPort(t) }, sentence: "did not finish the TLS handshake within 1s", hint: "smtp://"},
		{reason: "black hole, STARTTLS", url: func(*smarthost) string { return "smtp://" + silentPort(t) }, sentence: "the server said nothing for 1s after connecting", hint: "smtps://"},
		{reason: "greeting 554", answer: at("connect", "554 5.7.1 go away"), sentence: "554 5.7.1 go away", hint: "another network"},
		{reason: "421 for a greeting", answer: at("connect", "421 4.3.2 too busy"), sentence: "421 4.3.2 too busy"},
		{reason: "421 to EHLO", answer: at("EHLO", "421 4.3.2 too busy"), sentence: "saying EHLO: the server ends the session: 421 4.3.2 too busy"},
		{reason: "421 to AUTH", answer: at("AUTH", "421 4.3.2 too busy"), sentence: "logging in: the server ends the session: 421 4.3.2 too busy"},
		{reason: "421 to MAIL", answer: at("MAIL", "421 4.3.2 too busy"), sentence: "the server ends the session: 421 4.3.2 too busy"},
		{reason: "421 to RCPT", answer: at("RCPT", "421 4.3.2 too busy"), sentence: "the server ends the session: 421 4.3.2 too busy"},
		{reason: "421 to DATA", answer: at("DATA", "421 4.3.2 too busy"), data: true, sentence: "the server ends the session: 421 4.3.2 too busy"},
		{reason: "421 to the final dot", answer: at("end", "421 4.3.2 too busy"), data: true, sentence: "the server ends the session: 421 4.3.2 too busy"},
		{reason: "421 to the last chunk", answer: at("end", "421 4.3.2 too busy"), sentence: "the server ends the session: 421 4.3.2 too busy"},
		{reason: "silence after EHLO", answer: at("EHLO", hang), sentence: "no answer to EHLO within 1s"},
		{reason: "silence after AUTH", answer: at("AUTH", hang), sentence: "no answer to AUTH within 1s"},
		{reason: "silence after MAIL", answer: at("MAIL", hang), data: true, sentence: "no answer to MAIL within 1s"},
		{reason: "silence after DATA", answer: at("DATA", hang), data: true, sentence: "no answer to DATA within 1s"},
		{reason: "cut after MAIL", answer: at("MAIL", cut), data: true, sentence: "the server closed the connection"},
		{reason: "temporary refusal of the log-in", answer: at("AUTH", "454 4.7.0 directory is down"), sentence: "454 4.7.0 directory is down"},
		{reason: "wrong password", answer: at("AUTH", "535 5.7.8 no"), sentence: "535 5.7.8 no", hint: "correct the password in "},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			s := newSmarthost(t)
			s.behave(behaviour{noChunking: c.data, answer: c.answer})
			url := s.url()
			if c.url != nil {
				url = c.url(s)
			}
			h := s.home(t)
			routeFault{c.reason, func(h *home) string { return h.account(url, s.user, s.caFile) + short }, c.sentence, c.hint}.try(t, h, s.password)
			if t.Failed() {
				return
			}
			s.behave(behaviour{})
			h.configure(h.account(s.url(), s.user, s.caFile))
			h.flushed()
			for _, id := range []string{"route-a", "route-b"} {
				if got := s.received()[id]; len(got) != 1 || !got[0].whole() {
					t.Errorf("once the fault is gone, %s arrives %d times", id, len(got))
				}
			}
		})
	}
}

// at answers one verb, and all others as usual.
func at(verb, reply string) func(step) string {
	return func(at step) string {
		if at.verb == verb {
			return reply
		}
		return ""
	}
}
