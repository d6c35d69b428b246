package policy

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"mailcrane/mta/names"
)

// reading is a slow reading of the rules, by which nobody from outside relays
// where nothing opens it: a recipient is ours where its domain, behind whatever
// route, is one of ours, and every domain on the way too.
func reading(to string, ours map[string]bool) bool {
	for strings.HasPrefix(to, "@") {
		_, to, _ = strings.Cut(to, ":")
	}
	to = strings.ReplaceAll(strings.ReplaceAll(to, `"`, ""), `\`, "")
	named := false
	for word := range strings.FieldsFuncSeq(to, func(r rune) bool { return strings.ContainsRune("@%!", r) }) {
		word = strings.ToLower(strings.TrimRight(word, "."))
		named = named || ours[word]
		if strings.Contains(word, ".") && !ours[word] {
			return false
		}
	}
	return named || !strings.ContainsAny(to, "@%!")
}

// TestWithoutAnOpeningNoClientFromOutsideRelays makes up configurations, clients
// and recipients with routes; what got through is judged by reading.
func TestWithoutAnOpeningNoClientFromOutsideRelays(t *testing.T) {
	const seed = 20261122
	r := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // made up, and the same each time
	options := []string{
		"require_rdns = true", `delay_checks = "yes"`, `delay_checks = "hater"`, "relay_hosts_only = true", "relay_entire_domain = true",
		"blocklist_recipients = true", "use_client_ptr = true", "accept_unqualified_senders = true", "relay_to_full_address = true",
	}
	domains := []string{"mail.example.org", "EXAMPLE.org", "partner.example", "sub.partner.example", "far.example", "evil.test", "notpartner.example", "mail.example.org."}
	signs := []string{"@", "%", "!"}
	taken, refused := 0, 0
	for range 300 {
		w := world{mta: "[mta]\nlocal = [\"example.org\"]\nrelay = [\"partner.example\", \"10.1.2\", \"IPv6:2001:db8:1\"]\n[mta.policy]\n" + options[r.IntN(len(options))]}
		p := w.policy(t)
		ours := map[string]bool{"mail.example.org": true, "example.org": true, "partner.example": true}
		if !p.rules.RelayHostsOnly {
			ours["sub.partner.example"] = true
		}
		for range 50 {
			client := outsider(r)
			to := "user"
			for range r.IntN(4) {
				if domain := domains[r.IntN(len(domains))]; r.IntN(3) == 0 {
					to = domain + "!" + to
				} else {
					to += signs[r.IntN(2)] + domain
				}
			}
			if i := strings.LastIndex(to, "@"); i > 0 && strings.ContainsAny(to[:i], "@") {
				to = `"` + to[:i] + `"` + to[i:]
			}
			v := p.MayRelay(t.Context(), client, "someone@example.org", to)
			if v.Refusal != nil {
				refused++
				continue
			}
			taken++
			if !reading(to, ours) {
				t.Fatalf("%s\nclient %v %s, RCPT TO:<%s>: taken by %q", w.mta, client.Addr, client.Name, to, v.Where)
			}
		}
	}
	if taken < 500 || refused < 500 {
		t.Errorf("%d were taken and %d refused: the trial tries nothing", taken, refused)
	}
}

// outsider is a client that is in no network that may relay.
func outsider(r *rand.Rand) Client {
	addresses := []string{"192.0.2.1", "10.1.20.5", "10.1.1.255", "110.1.2.3", "2001:db8:10::1", "2001:db8::1", "::ffff:10.1.3.1", "0.0.0.1"}
	addr := netip.MustParseAddr(addresses[r.IntN(len(addresses))]).Unmap()
	c := Client{Addr: addr, Client: names.Client{Name: names.Literal(addr), State: names.State(r.IntN(4))}}
	if c.State == names.OK {
		c.Name = fmt.Sprintf("host%d.evil.test", r.IntN(10))
	}
	c.Pointer = "gate.partner.example"
	return c
}

func FuzzARouteNeverLeadsWhereNobodyMaySend(f *testing.F) {
	for _, seed := range []string{
		"a%far.example@mail.example.org", `"a@far.example"@mail.example.org`, "far.example!a@mail.example.org",
		"@mail.example.org:a@far.example", "a@far.example.", "a%far.example", `"a\"b"@mail.example.org`, "a@[IPv6:::1]", "@", "%", "!", "\"",
	} {
		f.Add(seed)
	}
	w := world{}
	p := w.policy(f)
	client := from("192.0.2.1", "host.away.example")
	f.Fuzz(func(t *testing.T, to string) {
		local, domain := path(to)
		if canonical(domain) != domain {
			t.Errorf("the domain of %q is %q, and then %q", to, domain, canonical(domain))
		}
		v := p.MayRelay(t.Context(), client, "", to)
		if v.Refusal == nil && domain != "" && !p.classes.local(domain) {
			t.Errorf("%q, that is %q at %q, is taken by %s", to, local, domain, v.Where)
		}
		if v.Refusal == nil && strings.Contains(strings.ToLower(local), "far.example") && strings.ContainsAny(local, routeMarks) {
			hop, _ := p.target(t.Context(), to)
			if strings.HasSuffix(hop.domain, "far.example") {
				t.Errorf("%q leads to %q, and is taken by %s", to, hop, v.Where)
			}
		}
	})
}

func FuzzAnEntryOfClassRIsANetworkOrADomainOrRefused(f *testing.F) {
	for _, seed := range []string{"10.1.2", "10.1.2.", "256.1", "10/8", "0.0.0.0/0", "IPv6:2001:db8", "2001:db8::/32", "::", "ipv6:", ".example.org", "example.org.", "[192.0.2.1]", "", "*", "1.2.3.4.5"} {
		f.Add(seed, "192.0.2.1")
	}
	f.Fuzz(func(t *testing.T, text, client string) {
		e, err := parseRelay(text, true)
		if err != nil {
			return
		}
		if e.net.IsValid() == (e.domain != "") {
			t.Fatalf("%q is the network %v and the domain %q", text, e.net, e.domain)
		}
		var r relays
		e.where = "here"
		r.add(e)
		addr, err := netip.ParseAddr(client)
		if err != nil || e.domain == "" {
			return
		}
		if r.address(addr) != "" {
			t.Errorf("the domain %q lets the address %s relay", text, client)
		}
	})
}
