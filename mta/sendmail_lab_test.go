//go:build linux

package mta

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/lab"
	"mailcrane/internal/socket"
	"mailcrane/mta/access"
	"mailcrane/mta/names"
	"mailcrane/queue"
)

// hostsOf is a name service that knows one list, as the file hosts has it.
type hostsOf map[string]string // names by address

func (h hostsOf) Pointers(_ context.Context, addr netip.Addr) ([]string, error) {
	if name := h[addr.String()]; name != "" {
		return []string{name}, nil
	}
	return nil, names.ErrNone
}

func (h hostsOf) Addresses(_ context.Context, host string) (all []netip.Addr, err error) {
	for address, name := range h {
		if strings.EqualFold(name, host) {
			all = append(all, netip.MustParseAddr(address))
		}
	}
	if len(all) == 0 {
		return nil, names.ErrNone
	}
	return all, nil
}

func (h hostsOf) IPv4(ctx context.Context, host string) ([]netip.Addr, error) {
	return h.Addresses(ctx, host)
}

func (hostsOf) Exchangers(context.Context, string) ([]names.MX, error) { return nil, names.ErrNone }

// The people of the trial.
var (
	trialNames = hostsOf{
		"192.0.2.1": "host.away.example", "192.0.2.202": "bad.spam.example", "192.0.2.3": "gate.partner.example",
		"10.1.2.7": "inside.example.org", "203.0.113.1": "away.example", "203.0.113.9": "example.org", "203.0.113.2": "spam.example", "203.0.113.3": "sub.spam.example",
		"203.0.113.4": "partner.example", "203.0.113.5": "sub.partner.example", "203.0.113.6": "far.example",
	}
	trialClients = []string{"192.0.2.1", "192.0.2.202", "192.0.2.3", "192.0.2.99", "10.1.2.7", "10.1.20.7", "10.9.9.9"}
	trialSenders = []string{
		"", "me@away.example", "me+news@away.example", "You@Spam.example", "x@sub.spam.example", "x@nowhere.example", "plain", "me@localhost",
		"me@example.org", "me@[192.0.2.1]", "me%far.example@away.example",
	}
	trialRecipients = []string{
		"you@example.org", "you+list@example.org", "other@EXAMPLE.org", "x@partner.example", "x@sub.partner.example", "x@far.example",
		"x%far.example@example.org", "far.example!x@example.org", `"x@far.example"@example.org`,
		"you", "x@[198.18.0.25]", "x@[203.0.113.99]", "x%far.example", "x@mx.example.org", "x%partner.example@example.org", "friend@example.org", "hater@example.org",
	}
	trialKeys = []string{
		"Connect:192.0.2.202", "Connect:192.0.2", "Connect:10.9", "Connect:spam.example", "Connect:bad.spam.example", "192.0.2.1", "away.example",
		"From:me@away.example", "From:me+*@away.example", "From:away.example", "From:spam.example", "From:you@", "sub.spam.example", "From:nowhere.example", "From:plain@",
		"To:you@example.org", "To:you@", "To:you+*@example.org", "To:far.example", "To:x@far.example", "To:sub.partner.example", "To:example.org", "hater@example.org",
		"Connect:away.example", "Connect:partner.example", "From:localhost", "Spam:friend@example.org", "Spam:hater@example.org", "From:example.org", "plain@",
	}
	trialValues = []string{
		"OK", "OK", "RELAY", "RELAY", "REJECT", "reject", "DISCARD", "SKIP", "550 We do not want you", "450 later, please", "ERROR:550 5.7.1 no   more", "ERROR:4.7.1:451 wait",
		`ERROR:"550 quoted text"`, `"554 all quoted"`, "what is this", "ERROR:5.1.1:no such thing", "ERROR:5.7.0:550 Because", "QUARANTINE:odd one", `ERROR:5.7.1:"550 a; b, (c)"`,
	}
)

// A trial is one configuration of both.
type trial struct{ name, mc, toml string }

const trialMC = `LOCAL_DOMAIN([198.18.0.25])dnl
define(confDOMAIN_NAME, mx.example.org)dnl
LOCAL_DOMAIN(example.org)dnl
RELAY_DOMAIN(partner.example)dnl
RELAY_DOMAIN(10.1.2)dnl
`

var trials = []trial{
	{"plain", "", ""},
	{"blocklist_recipients", "FEATURE(blocklist_recipients)dnl\n", "blocklist_recipients = true\n"},
	{"delay_checks", "FEATURE(delay_checks)dnl\nFEATURE(blocklist_recipients)dnl\n", "delay_checks = \"yes\"\nblocklist_recipients = true\n"},
	{"friend", "FEATURE(delay_checks, friend)dnl\n", "delay_checks = \"friend\"\n"},
	{"hater", "FEATURE(delay_checks, hater)dnl\n", "delay_checks = \"hater\"\n"},
	{"require_rdns", "FEATURE(require_rdns)dnl\n", "require_rdns = true\n"},
	{"block_bad_helo", "FEATURE(delay_checks)dnl\nFEATURE(require_rdns)dnl\nFEATURE(block_bad_helo)dnl\n", "delay_checks = \"yes\"\nrequire_rdns = true\nblock_bad_helo = true\n"},
	{"hosts only", "FEATURE(relay_hosts_only)dnl\nFEATURE(relay_local_from)dnl\n", "relay_hosts_only = true\nrelay_local_from = true\n"},
	{"mail from", "FEATURE(relay_mail_from, domain)dnl\nFEATURE(accept_unqualified_senders)dnl\n", "relay_mail_from = \"domain\"\naccept_unqualified_senders = true\n"},
	{"loose", "FEATURE(loose_relay_check)dnl\nFEATURE(accept_unresolvable_domains)dnl\n", "loose_relay_check = true\naccept_unresolvable_domains = true\n"},
	{"entire", "FEATURE(relay_entire_domain)dnl\nFEATURE(lookupdotdomain)dnl\n", "relay_entire_domain = true\nlook_up_dot_domain = true\n"},
}

// TestTheServerDecidesAsSendmailDoes has the same clients say the same to the real
// sendmail and to ours, over the same access maps.
func TestTheServerDecidesAsSendmailDoes(t *testing.T) {
	const seed = 8171
	r := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // made up, and the same each time
	var hosts strings.Builder
	hosts.WriteString("127.0.0.1 localhost\n198.18.0.25 mx.example.org\n203.0.113.77 forged.example\n192.0.2.66 forged.example\n")
	for address, name := range trialNames {
		fmt.Fprintln(&hosts, address, name)
	}
	for _, one := range trials {
		t.Run(one.name, func(t *testing.T) {
			theirs := lab.NewSendmail(t, trialClients, hosts.String())
			text := trialMap(r)
			theirs.Map(t, "access", text)
			theirs.Serve(t, trialMC+"FEATURE(access_db, `hash -T<TMPF> "+theirs.Path("access")+"', skip)dnl\n"+one.mc)
			dial := one.ours(t, text)
			said, gone := 0, 0
			for _, client := range trialClients {
				conn, err := theirs.Dial(t.Context(), client)
				if err != nil {
					t.Fatal(err)
				}
				helo := []string{"host.example.net", "bare", "mx.example.org"}[r.IntN(3)]
				want := conversation(t, conn, helo)
				got := conversation(t, dial(client), helo)
				for _, line := range want {
					ours, asked := answered(got, line.asked)
					switch {
					case line.reply == "" || line.reply == "gone": // this sendmail has a double free of its own
						gone++
					case !asked && strings.Contains(line.asked, "RCPT"): // its sender is refused, which differs by itself
					case same(line.reply, ours), wanted(line, ours):
						said++
					default:
						t.Errorf("%s\n sendmail %s -> %s\n ours     %s", client, line.asked, line.reply, ours)
					}
				}
			}
			if said < 100 || gone > said/10 {
				t.Errorf("only %d replies were compared, %d were lost: the trial tries nothing", said, gone)
			}
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}

// trialMap is an access map.
func trialMap(r *rand.Rand) string {
	var b strings.Builder
	for _, key := range trialKeys {
		value := trialValues[r.IntN(len(trialValues))]
		switch {
		case r.IntN(3) == 0:
			continue
		case strings.HasPrefix(key, "Spam:friend"):
			value = "FRIEND"
		case strings.HasPrefix(key, "Spam:"):
			value = "HATER"
		}
		fmt.Fprintf(&b, "%s\t%s\n", key, value)
	}
	return b.String()
}

// ours is our server of the trial, and how a client of an address reaches it.
func (one *trial) ours(t *testing.T, text string) (dial func(client string) net.Conn) {
	if _, err := access.Parse("access", text, access.Options{Skip: true}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "access")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := New(configOf(t, "dont_blame_sendmail = [\"TrustStickyBit\"]\nlocal = [\"example.org\", \"[198.18.0.25]\"]\nrelay = [\"partner.example\", \"10.1.2\"]\n[mta.map]\naccess = \""+path+
		"\"\n[mta.policy]\naccess_skip = true\n"+one.toml+"[[mta.listen]]\naddress = \"127.0.0.1:0\"\nproxy = [\"127.0.0.1\"]\n"), Options{
		Users: everybody{},
		Spool: queue.NewSpool(filepath.Join(t.TempDir(), "spool"), queue.OS{}, time.Now), Resolver: trialNames, Now: time.Now,
		Load: func() float64 { return 0 }, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Bind(t.Context(), &socket.Inheritance{}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return func(client string) net.Conn {
		conn, err := net.Dial("tcp", s.Addresses()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "PROXY TCP4 %s 198.18.0.25 4321 25\r\n", client)
		return conn
	}
}

// conversation is all that is said to a client that tries each sender with each
// recipient, each reply behind what it answers.
func conversation(t *testing.T, conn net.Conn, helo string) (said []exchange) {
	t.Helper()
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(conn)
	say := func(command string) (reply string, ok bool) {
		if command != "" {
			if _, err := fmt.Fprint(conn, command+"\r\n"); err != nil {
				return "", false
			}
		}
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return "gone", false
			}
			if len(line) > 3 && line[3] == ' ' {
				return strings.TrimSpace(line), true
			}
		}
	}
	note := func(about, command string) bool {
		reply, ok := say(command)
		said = append(said, exchange{about + command, reply})
		return ok && reply[0] == '2'
	}
	if greeting, _ := say(""); !strings.HasPrefix(greeting, "220") {
		said = append(said, exchange{"", greeting})
		return said
	}
	say("HELO " + helo)
	for _, from := range trialSenders {
		if !note("", "MAIL FROM:<"+from+">") {
			say("RSET")
			continue
		}
		for _, to := range trialRecipients {
			note("HELO "+helo+" <"+from+"> ", "RCPT TO:<"+to+">")
		}
		say("RSET")
	}
	return said
}

// answered is what was answered to one question, or to all of them by the greeting.
func answered(all []exchange, asked string) (reply string, ok bool) {
	for _, one := range all {
		if one.asked == asked || one.asked == "" {
			return one.reply, true
		}
	}
	return "", false
}

// same says that two replies are one answer. The address in a reply that accepts
// is as sendmail's rules have rewritten it, which ours leave to the next hop; and
// sendmail's rules lose blanks of what is not quoted.
func same(theirs, ours string) bool {
	if strings.HasPrefix(theirs, "250 ") {
		return strings.HasPrefix(ours, "250 ")
	}
	return strings.ReplaceAll(theirs, " ", "") == strings.ReplaceAll(ours, " ", "")
}

// differences are those that are wanted, by what stands in the question and in
// the two replies; words: the rest of the replies is the same.
var differences = [...]struct {
	asked, theirs, ours string
	words               bool
	reason              string
}{
	{"MAIL", "550 ", "554 ", true, "a client is refused by the greeting, whose code is 554 then (RFC 5321 section 3.1); sendmail says it to each command"},
	{"MAIL", "553 ", "554 ", true, "the same"},
	{"", "553 5.3.0 ", "553 5.1.1 ", true, "ERROR:5.1.1: without a code: the status is what the map says; sendmail forgets it"},
	{"MAIL", "553 5.3.0 ", "554 5.1.1 ", true, "both of these"},
	{"me@localhost", "", "Real domain name required", false, "with delay_checks sendmail asks after it has put its own name for localhost, and so takes it"},
	{"MAIL FROM:<me@localhost>", "", "<me@localhost>... ", false, "the map is asked for localhost; sendmail has put its own name for it before"},
	{"", "SKIP", "", false, "SKIP ends the search of a mailbox too; sendmail sends it as the text of an error"},
	{"hater@example.org", "250 ", "", false, "QUARANTINE of a recipient is no reason to ask nothing else: sendmail ends its tests there, that of relaying too"},
}

func wanted(theirs exchange, ours string) bool {
	for _, d := range differences {
		if strings.Contains(theirs.asked, d.asked) && strings.Contains(theirs.reply, d.theirs) && strings.Contains(ours, d.ours) {
			switch said := strings.Replace(theirs.reply, d.theirs, d.ours, 1); {
			case d.words && same(said, ours), !d.words:
				return true
			}
		}
	}
	return false
}

// An exchange is what was asked, "" for the greeting, and the answer.
type exchange struct{ asked, reply string }
