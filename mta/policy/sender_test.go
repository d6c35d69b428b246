package policy

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"mailcrane/mta/dnsbl"
	"mailcrane/mta/names"
)

// Coverage: X5.
func TestASenderIsJudgedByItsDomain(t *testing.T) {
	for _, c := range []struct {
		reason, mta, sender, want string
		client                    func(*Client)
	}{
		{"a domain that is there", "", "a@away.example", "ok", nil},
		{"one that has an address only", "", "a@host.example", "ok", nil},
		{"the null reverse-path", "", "", "ok", nil},
		{"one that is not there", "", "a@gone.example", "553 5.1.8 <a@gone.example>... Domain of sender address a@gone.example does not exist", nil},
		{"one that is not known just now", "", "a@busy.example", "451 4.1.8 Domain of sender address a@busy.example does not resolve", nil},
		{"not there, and it does not matter", "[mta.policy]\naccept_unresolvable_domains = true", "a@gone.example", "ok", nil},
		{"delivery mode d asks nobody", "delivery_mode = \"deferred\"", "a@gone.example", "ok", nil},
		{"our own name is not asked for", "", "a@mail.example.org", "ok", nil},
		{"no domain", "", "a", "553 5.5.4 <a>... Domain name required for sender address a", nil},
		{"no domain, and it does not matter", "[mta.policy]\naccept_unqualified_senders = true", "a", "ok", nil},
		{"no domain, on a listener that takes it", "", "a", "ok", func(c *Client) { c.Unqualified = true }},
		{"no domain, from this machine", "", "a", "ok", func(c *Client) { c.Addr = netip.Addr{} }},
		{"this machine's word for itself", "", "a@localhost", "553 5.5.4 <a@localhost>... Real domain name required for sender address", nil},
		{"its address", "", "a@[127.0.0.1]", "553 5.5.4 <a@[127.0.0.1]>... Real domain name required for sender address", nil},
		{"the word from this machine", "", "a@localhost", "ok", func(c *Client) { c.Name = "localhost" }},
		{"a name without a dot where it must be whole", "", "a@host", "553 5.5.4 <a@host>... Real domain name required for sender address", func(c *Client) { c.RequireFQDN = true }},
		{"exchangers that are nowhere", "[mta.policy]\nbadmx = true", "a@nowhere.example", "550 5.1.2 <a@nowhere.example>... Invalid MX record for host nowhere.example", nil},
		{"the same, not looked at", "", "a@nowhere.example", "ok", nil},
	} {
		t.Run(c.reason, func(t *testing.T) {
			w := world{mta: c.mta, zone: zone{
				exchangers: map[string][]names.MX{
					"away.example": {{Host: "mx.away.example"}}, "nowhere.example": {{Host: "mx.nowhere.example"}},
				},
				addresses: map[string][]netip.Addr{"host.example": {netip.MustParseAddr("192.0.2.9")}, "mx.nowhere.example": {netip.MustParseAddr("127.0.0.1")}},
				fails:     map[string]bool{"busy.example": true},
			}}
			client := from("192.0.2.1", "host.away.example")
			if c.client != nil {
				c.client(&client)
			}
			p := w.policy(t)
			v, _ := p.Connect(t.Context(), client)
			defer v.Close()
			if got := v.Mail(t.Context(), c.sender, 0).heard(); got != c.want {
				t.Errorf("MAIL FROM:<%s> is %q, want %q", c.sender, got, c.want)
			}
			if strings.Contains(c.mta, "deferred") && w.zone.asked > 0 {
				t.Errorf("%d questions were asked", w.zone.asked)
			}
		})
	}
}

// Coverage: X5.
func TestClientsWithoutAnHonestNameAreRefusedWhereThatIsWanted(t *testing.T) {
	for _, c := range []struct {
		reason string
		state  names.State
		mta    string
		want   string
	}{
		{"a name that leads back", names.OK, "", "ok"},
		{"none", names.None, "", "550 5.7.1 Fix reverse DNS for 192.0.2.1"},
		{"not known just now", names.Temp, "", "451 4.1.8 Client IP address 192.0.2.1 does not resolve"},
		{"forged", names.Forged, "", "451 4.1.8 Possibly forged hostname for 192.0.2.1"},
		{"none, in class R", names.None, "[mta]\nrelay = [\"192.0.2\"]\n", "ok"},
		{"delivery mode d", names.None, "delivery_mode = \"deferred\"\n", "ok"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			w := world{mta: c.mta + "[mta.policy]\nrequire_rdns = true"}
			client := from("192.0.2.1", "")
			client.State = c.state
			v, verdict := w.policy(t).Connect(t.Context(), client)
			v.Close()
			if got := verdict.heard(); got != c.want {
				t.Errorf("the client hears %q, want %q", got, c.want)
			}
		})
	}
}

// Coverage: A23.
func TestABlockListIsAskedOnceForAConnectionAndNotInModeD(t *testing.T) {
	refusal := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Rejected: 192.0.2.1 listed at bl.example"}
	for _, c := range []struct {
		reason, mta string
		connect     string
		rcpt        string
		asked       int
	}{
		{"at connect", "", "550 5.7.1 Rejected: 192.0.2.1 listed at bl.example", "550 5.7.1 <a@mail.example.org>... Rejected: 192.0.2.1 listed at bl.example", 1},
		{"at RCPT", "[mta.policy]\ndelay_checks = \"yes\"", "ok", "550 5.7.1 <a@mail.example.org>... Rejected: 192.0.2.1 listed at bl.example", 1},
		{"mode d", "delivery_mode = \"deferred\"", "ok", "ok", 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			lists := &listed{result: dnsbl.Result{List: "bl.example", Refusal: refusal}}
			w := world{mta: c.mta, parts: Parts{Blocks: lists}}
			v, verdict := w.policy(t).Connect(t.Context(), from("192.0.2.1", "host.away.example"))
			defer v.Close()
			if got := verdict.heard(); got != c.connect {
				t.Errorf("at connect: %q, want %q", got, c.connect)
			}
			if verdict.Refusal != nil {
				return
			}
			for range 3 {
				v.Mail(t.Context(), "a@away.example", 0)
				if got := v.Rcpt(t.Context(), "a@mail.example.org").heard(); got != c.rcpt {
					t.Errorf("at RCPT: %q, want %q", got, c.rcpt)
				}
			}
			if lists.asked != c.asked {
				t.Errorf("asked %d times, want %d", lists.asked, c.asked)
			}
		})
	}
}

func TestADelayedRefusalStandsBehindTheRelayDecision(t *testing.T) {
	lists := &listed{result: dnsbl.Result{List: "bl.example", Discard: true}}
	w := world{mta: "[mta.policy]\ndelay_checks = \"yes\"\nblock_bad_helo = true", parts: Parts{Blocks: lists}}
	p := w.policy(t)
	client := from("192.0.2.1", "host.away.example")
	v, _ := p.Connect(t.Context(), client)
	defer v.Close()
	v.Mail(t.Context(), "a@gone.example", 0)
	if got := v.Rcpt(t.Context(), "a@far.example").heard(); !strings.HasSuffix(got, "Relaying denied") || lists.asked != 0 {
		t.Errorf("a recipient elsewhere: %q, %d questions to the list", got, lists.asked)
	}
	if got := v.Rcpt(t.Context(), "a@mail.example.org").heard(); !strings.HasPrefix(got, "553 5.1.8") || lists.asked != 0 {
		t.Errorf("check_mail comes before check_relay: %q", got)
	}
	v.Mail(t.Context(), "a@away.example", 0)
	if got := v.Rcpt(t.Context(), "a@mail.example.org").heard(); got != "discard" {
		t.Errorf("check_relay: %q", got)
	}
	if got := v.Data(t.Context()).heard(); got != "discard" {
		t.Errorf("the message: %q", got)
	}
	v.Reset()
	lists.result = dnsbl.Result{}
	v.Client.User, v.Client.Mechanism = "joe", "PLAIN"
	v.Mail(t.Context(), "a@gone.example", 0)
	if got := v.Rcpt(t.Context(), "a@far.example").heard(); got != "ok" {
		t.Errorf("who has logged in is not asked anything else: %q", got)
	}
}

func TestAHeloThatCannotBeIsRefusedWithDelayChecks(t *testing.T) {
	for helo, refused := range map[string]bool{
		"host": true, "mail.example.org": true, "MAIL.example.org.": true, "localhost": true, "127.0.0.1": true, "[127.0.0.1]": true,
		"host.away.example": false, "192.0.2.1": false, "[192.0.2.1]": false, "[IPv6:2001:db8::1]": false, "host.": true,
	} {
		w := world{mta: "[mta.policy]\ndelay_checks = \"yes\"\nblock_bad_helo = true"}
		v, _ := w.policy(t).Connect(t.Context(), from("192.0.2.1", "host.away.example"))
		v.Client.Helo = helo
		v.Mail(t.Context(), "a@away.example", 0)
		got := v.Rcpt(t.Context(), "a@mail.example.org")
		if (got.Refusal != nil) != refused || refused && !strings.Contains(got.heard(), "550 5.7.1 <a@mail.example.org>... bogus HELO name used: "+helo) {
			t.Errorf("HELO %q: %q, want it refused: %v", helo, got.heard(), refused)
		}
		v.Close()
	}
}

// Coverage: B134.
func TestEachPrivacyFlagGivesItsAnswer(t *testing.T) {
	for _, c := range []struct {
		flags string
		helo  string
		ask   func(*testing.T, *Visit) Verdict
		want  string
	}{
		{`"needmailhelo", "noexpn"`, "", mail, "503 5.0.0 Polite people say HELO first"},
		{`"needmailhelo", "noexpn"`, "x.example", mail, "ok"},
		{`"needmailhelo", "noexpn"`, "x.example", expand, "502 5.7.0 Sorry, we do not allow this operation"},
		{`"needexpnhelo"`, "", expand, "503 5.0.0 I demand that you introduce yourself first"},
		{`"needvrfyhelo"`, "", verify, "503 5.0.0 I demand that you introduce yourself first"},
		{`"novrfy"`, "x.example", verify, "252 2.5.2 Cannot VRFY user; try RCPT to attempt delivery (or try finger)"},
		{`"noetrn"`, "x.example", etrn, "502 5.7.0 Sorry, we do not allow this operation"},
		{`"noexpn"`, "x.example", verbose, "502 5.7.0 Verbose unavailable"},
		{`"goaway"`, "x.example", etrn, "ok"},
		{`"goaway"`, "", mail, "503 5.0.0 Polite people say HELO first"},
		{``, "", mail, "ok"},
		{``, "", verify, "ok"},
		{``, "", expand, "ok"},
		{``, "", verbose, "ok"},
	} {
		w := world{mta: "[submit]\nprivacy_options = [" + c.flags + "]"}
		v, _ := w.policy(t).Connect(t.Context(), from("192.0.2.1", "host.away.example"))
		v.Client.Helo = c.helo
		if got := c.ask(t, v).heard(); got != c.want {
			t.Errorf("%s, HELO %q: %q, want %q", c.flags, c.helo, got, c.want)
		}
		v.Close()
	}
}

func mail(t *testing.T, v *Visit) Verdict    { return v.Mail(t.Context(), "a@away.example", 0) }
func expand(t *testing.T, v *Visit) Verdict  { return v.Expand(t.Context()) }
func verify(t *testing.T, v *Visit) Verdict  { return v.Verify(t.Context()) }
func etrn(t *testing.T, v *Visit) Verdict    { return v.ETRN(t.Context()) }
func verbose(_ *testing.T, v *Visit) Verdict { return v.Verbose() }
