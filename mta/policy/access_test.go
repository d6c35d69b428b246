package policy

import (
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"mailcrane/mta/dnsbl"
	"mailcrane/mta/names"
)

// Coverage: A34, A46, X5.
func TestTheAccessMapPermitsRelaying(t *testing.T) {
	certified := func(c *Client) {
		c.Peer = Certificate{Verify: "OK", Issuer: "/CN=Our CA", Subject: "/CN=friend"}
	}
	forged := func(c *Client) {
		c.Client = names.Client{Name: "[192.0.2.1]", State: names.Forged, Pointer: "host.away.example"}
	}
	for _, c := range []struct {
		reason, access, mta string
		client              func(*Client)
		to                  string
		open                bool
	}{
		{"nothing that fits", "Connect:203.0.113 RELAY\nTo:other.example RELAY", "", nil, "a@far.example", false},
		{"(1) a certificate by its issuer", "CertIssuer:/CN=Our+20CA RELAY", "", certified, "a@far.example", true},
		{"(1) the same, not verified", "CertIssuer:/CN=Our+20CA RELAY", "", func(c *Client) {
			certified(c)
			c.Peer.Verify = "FAIL"
		}, "a@far.example", false},
		{"(1) another issuer", "CertIssuer:/CN=Another RELAY", "", certified, "a@far.example", false},
		{"(1) by issuer and subject", "CertIssuer:/CN=Our+20CA SUBJECT\nCertSubject:/CN=friend RELAY", "", certified, "a@far.example", true},
		{"(1) the subject alone does not", "CertSubject:/CN=friend RELAY", "", certified, "a@far.example", false},
		{"(5) To:", "To:far.example RELAY", "", nil, "a@far.example", true},
		{"(5) what is below", "To:far.example RELAY", "", nil, "a@b.far.example", true},
		{"(5) hosts only", "To:far.example RELAY", "relay_hosts_only = true", nil, "a@b.far.example", false},
		{"(5) hosts only, the host", "To:b.far.example RELAY", "relay_hosts_only = true", nil, "a@b.far.example", true},
		{"(5) OK is no RELAY", "To:far.example OK", "", nil, "a@far.example", false},
		{"(5) a full address", "To:a@far.example RELAY", "relay_to_full_address = true", nil, "a@far.example", true},
		{"(5) not without the option", "To:a@far.example RELAY", "", nil, "a@far.example", false},
		{"(5) a route through it", "To:far.example RELAY", "", nil, "a%gone.example@far.example", false},
		{"(9) Connect: with a network", "Connect:192.0.2 RELAY", "", nil, "a@far.example", true},
		{"(9) OK is no RELAY", "Connect:192.0.2 OK", "", nil, "a@far.example", false},
		{"(9) the network of another", "Connect:192.0 RELAY\nConnect:192.0.2 OK", "", nil, "a@far.example", false},
		{"(10) the sender, with the feature", "From:a@away.example RELAY", `relay_mail_from = "address"`, nil, "a@far.example", true},
		{"(10) not without", "From:a@away.example RELAY", "", nil, "a@far.example", false},
		{"(10) its domain is another feature", "From:away.example RELAY", `relay_mail_from = "address"`, nil, "a@far.example", false},
		{"(10) its domain", "From:away.example RELAY", `relay_mail_from = "domain"`, nil, "a@far.example", true},
		{"(10) never without the tag", "away.example RELAY", `relay_mail_from = "domain"`, func(c *Client) { c.Name, c.State = "[192.0.2.1]", names.None }, "a@far.example", false},
		{"(11) Connect: with a name", "Connect:away.example RELAY", "", nil, "a@far.example", true},
		{"(11) a forged name", "Connect:away.example RELAY", "", forged, "a@far.example", false},
		{"(11) hosts only", "Connect:away.example RELAY", "relay_hosts_only = true", nil, "a@far.example", false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			w := world{access: c.access, mta: "[mta.policy]\naccept_unresolvable_domains = true\n" + c.mta}
			client := from("192.0.2.1", "host.away.example")
			if c.client != nil {
				c.client(&client)
			}
			v, _ := w.policy(t).Connect(t.Context(), client)
			defer v.Close()
			v.Mail(t.Context(), "a@away.example", 0)
			if got := v.Rcpt(t.Context(), c.to); (got.Refusal == nil) != c.open {
				t.Errorf("%q by %q, want it open: %v", got.heard(), got.Where, c.open)
			}
		})
	}
}

// Coverage: X5, A23.
func TestTheAccessMapDecidesAboutClientsSendersAndRecipients(t *testing.T) {
	const to = "a@mail.example.org"
	listing := dnsbl.Result{List: "bl.example", Refusal: &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Rejected"}}
	for _, c := range []struct {
		reason, access, mta string
		sender              string
		connect, mail, rcpt string
		asked               int
	}{
		{"a client is refused", "Connect:192.0.2 REJECT", "", "", "550 5.7.1 Access denied", "", "", 0},
		{"with a text of its own", "Connect:192.0.2 ERROR:4.3.2:450 later", "", "", "450 4.3.2 later", "", "", 0},
		{"with an old form", "Connect:192.0.2 551 go away", "", "", "551 5.0.0 go away", "", "", 0},
		{"one that is taken is not asked about", "Connect:192.0.2.1 OK", "", "a@away.example", "ok", "ok", "ok", 0},
		{"nor when checks are delayed", "Connect:192.0.2.1 OK", `delay_checks = "yes"`, "a@away.example", "ok", "ok", "ok", 0},
		{"delayed, a sender that is taken spares the client", "From:away.example OK", `delay_checks = "yes"`, "a@away.example", "ok", "ok", "ok", 0},
		{"delayed, the client is refused at RCPT", "From:x.example OK", `delay_checks = "yes"`, "a@away.example", "ok", "ok", "550 5.7.1 <" + to + ">... Rejected", 1},
		{"a friend takes all", "Spam:" + to + " FRIEND", `delay_checks = "friend"`, "a@gone.example", "ok", "ok", "ok", 0},
		{"others are no friends", "Spam:b@mail.example.org FRIEND", `delay_checks = "friend"`, "a@away.example", "ok", "ok", "550 5.7.1 <" + to + ">... Rejected", 1},
		{"only who hates it is spared", "Spam:b@mail.example.org HATER", `delay_checks = "hater"`, "a@gone.example", "ok", "ok", "ok", 0},
		{"a hater", "Spam:mail.example.org HATER", `delay_checks = "hater"`, "a@away.example", "ok", "ok", "550 5.7.1 <" + to + ">... Rejected", 1},
		{"a sender is refused", "Connect:192.0.2.1 OK\nFrom:away.example REJECT", "", "a@away.example", "ok", "550 5.7.1 <a@away.example>... Access denied", "", 0},
		{"one that is nowhere is taken", "Connect:192.0.2.1 OK\nFrom:gone.example OK", "", "a@gone.example", "ok", "ok", "ok", 0},
		{"discarded", "Connect:192.0.2.1 OK\nFrom:away.example DISCARD", "", "a@away.example", "ok", "discard", "ok", 0},
		{"kept apart", "Connect:192.0.2.1 OK\nFrom:away.example QUARANTINE:odd", "", "a@away.example", "ok", "quarantine odd", "ok", 0},
		{"a recipient is refused", "Connect:192.0.2.1 OK\nTo:a@ REJECT", "blocklist_recipients = true", "a@away.example", "ok", "ok", "550 5.2.1 <" + to + ">... Mailbox disabled for this recipient", 0},
		{"not without the feature", "Connect:192.0.2.1 OK\nTo:a@ REJECT", "", "a@away.example", "ok", "ok", "ok", 0},
		{"TLS is asked for", "Connect:192.0.2.1 OK\nTLS_Clt:192.0.2.1 ENCR:128", "", "", "ok", "454 4.7.0 encryption too weak 0 less than 128", "", 0},
		{"and at RCPT where it is delayed", "Connect:192.0.2.1 OK\nTLS_Clt:192.0.2.1 PERM+ENCR:128", `delay_checks = "yes"`, "", "ok", "ok", "503 5.7.0 encryption too weak 0 less than 128", 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			lists := &listed{result: listing}
			w := world{access: c.access, mta: "[mta.policy]\n" + c.mta, parts: Parts{Blocks: lists}}
			v, verdict := w.policy(t).Connect(t.Context(), from("192.0.2.1", "host.away.example"))
			defer v.Close()
			if got := verdict.heard(); got != c.connect {
				t.Errorf("at connect: %q, want %q", got, c.connect)
			}
			if c.mail != "" {
				if got := v.Mail(t.Context(), c.sender, 0).heard(); got != c.mail {
					t.Errorf("at MAIL: %q, want %q", got, c.mail)
				}
			}
			if c.rcpt != "" {
				if got := v.Rcpt(t.Context(), to).heard(); got != c.rcpt {
					t.Errorf("at RCPT: %q, want %q", got, c.rcpt)
				}
				if got := v.Data(t.Context()).heard(); c.mail != "ok" && got != c.mail {
					t.Errorf("at DATA: %q, want %q", got, c.mail)
				}
			}
			if lists.asked != c.asked {
				t.Errorf("the lists were asked %d times, want %d", lists.asked, c.asked)
			}
		})
	}
}

// Coverage: X5.
func TestAClientAboveItsRateIsRefused(t *testing.T) {
	for _, c := range []struct {
		reason, mta, access, want string
		keep                      bool // connections stay open
	}{
		{"too often", "rate_control = true", "ClientRate:192.0.2.1 2", "452 4.3.2 Connection rate limit exceeded.", false},
		{"and is sent away", "rate_control = true\nrate_control_terminate = true", "ClientRate:192.0.2 2", "421 4.3.2 Connection rate limit exceeded.", false},
		{"the limit of all", "rate_control = true", "ClientRate: 2", "452 4.3.2 Connection rate limit exceeded.", false},
		{"0 is no limit", "rate_control = true", "ClientRate:192.0.2.1 0\nClientRate: 1", "ok", false},
		{"not without the feature", "", "ClientRate: 1", "ok", false},
		{"too many at once", "conn_control = true", "ClientConn: 2", "452 4.3.2 Too many open connections.", true},
		{"one after the other", "conn_control = true", "ClientConn: 2", "ok", false},
		{"at connect all the same", "delay_checks = \"yes\"\nconn_control = true\nconn_control_nodelay = true", "ClientConn: 2", "452 4.3.2 Too many open connections.", true},
		{"connections are not counted without the feature", "", "ClientConn: 2", "ok", true},
		{"delayed", "delay_checks = \"yes\"\nconn_control = true", "ClientConn: 2", "ok", true},
	} {
		t.Run(c.reason, func(t *testing.T) {
			w := world{access: c.access, mta: "[mta.policy]\n" + c.mta}
			p := w.policy(t)
			got := ""
			for range 3 {
				v, verdict := p.Connect(t.Context(), from("192.0.2.1", "host.away.example"))
				if got = verdict.heard(); c.keep {
					defer v.Close()
				} else {
					v.Close()
				}
			}
			if got != c.want {
				t.Errorf("the third connection hears %q, want %q", got, c.want)
			}
		})
	}
}

// To:postmaster@[address] would otherwise get around what is said of our domain.
func TestAMailboxByOurAddressIsBlockedAsByOurName(t *testing.T) {
	w := world{mta: "[mta]\nlocal = [\"[192.0.2.25]\"]\n[mta.policy]\nblocklist_recipients = true", access: "To:mail.example.org 550 nobody here\n"}
	v, _ := w.policy(t).Connect(t.Context(), from("192.0.2.1", "host.away.example"))
	defer v.Close()
	v.Mail(t.Context(), "", 0)
	if got := v.Rcpt(t.Context(), "x@[192.0.2.25]").heard(); got != "550 5.0.0 <x@[192.0.2.25]>... nobody here" {
		t.Errorf("it hears %q", got)
	}
}

// sendmail names the address before the text of 450, 550 and 553 only.
func TestAReplyNamesTheAddressWhereItsCodeIsOfAMailbox(t *testing.T) {
	for code, named := range map[string]bool{"421": false, "450": true, "451": false, "452": false, "454": false, "521": false, "550": true, "551": false, "552": false, "553": true, "554": false} {
		w := world{access: "From:away.example " + code + " text\n"}
		v, _ := w.policy(t).Connect(t.Context(), from("192.0.2.1", ""))
		got := v.Mail(t.Context(), "a@away.example", 0).heard()
		v.Close()
		if want := strings.Contains(got, "<a@away.example>... text"); want != named || !strings.HasSuffix(got, "text") {
			t.Errorf("%s: %q", code, got)
		}
	}
}
