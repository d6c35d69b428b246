package discover

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"mailcrane/internal/sysexits"
)

const goodServer = "<outgoingServer type=\"smtp\"><hostname>out.example.org</hostname><port>465</port><socketType>SSL</socketType><username>%EMAILLOCALPART%</username><authentication>password-cleartext</authentication></outgoingServer>"

func TestEachSourceIsAskedInItsTurn(t *testing.T) {
	const own, wellKnown = "autoconfig.example.org/mail/config-v1.1.xml", "example.org/.well-known/autoconfig/mail/config-v1.1.xml"
	for _, c := range []struct {
		name, why, address string
		set                func(*world)
		want               string // server user
		confirm            bool
		source             string
	}{
		{"table", "no question beats what is known for sure", "me@gmail.com", func(w *world) {
			w.names.SRV("_submissions._tcp.gmail.com", 0, 0, 465, "evil.test")
		}, "smtps://smtp.gmail.com:465 me@gmail.com", false, "table"},
		{"table, any case", "domains have no case", "Me@GMX.de", nil, "smtps://mail.gmx.net:465 Me@GMX.de", false, "table"},
		{"table, user name alone", "some log in without their domain", "me@riseup.net", nil, "smtps://mail.riseup.net:465 me", false, "table"},
		{"SRV, TLS at once", "RFC 8314 prefers it", "me@example.org", func(w *world) {
			w.names.SRV("_submission._tcp.example.org", 0, 0, 587, "smtp.example.org")
			w.names.SRV("_submissions._tcp.example.org", 10, 0, 465, "b.example.org")
			w.names.SRV("_submissions._tcp.example.org", 5, 0, 4650, "a.example.org")
			w.pages[own] = page(goodServer)
		}, "smtps://a.example.org:4650 me@example.org", false, "_submissions"},
		{"SRV, STARTTLS", "where there is nothing else", "me@example.org", func(w *world) {
			w.names.SRV("_submissions._tcp.example.org", 0, 0, 0, ".")
			w.names.SRV("_submission._tcp.example.org", 0, 0, 587, "smtp.example.org")
		}, "smtp://smtp.example.org:587 me@example.org", false, "_submission."},
		{"SRV into another domain", "RFC 6186 section 6: a person has to agree", "me@example.org", func(w *world) {
			w.names.SRV("_submissions._tcp.example.org", 0, 0, 465, "mx.hoster.test")
		}, "smtps://mx.hoster.test:465 me@example.org", true, "_submissions"},
		{"SRV within a domain of three parts", "co.uk is nobody's", "me@mail.example.co.uk", func(w *world) {
			w.names.SRV("_submissions._tcp.mail.example.co.uk", 0, 0, 465, "smtp.example.co.uk")
		}, "smtps://smtp.example.co.uk:465 me@mail.example.co.uk", false, "_submissions"},
		{"SRV to another registrant of three parts", "co.uk is nobody's", "me@example.co.uk", func(w *world) {
			w.names.SRV("_submissions._tcp.example.co.uk", 0, 0, 465, "smtp.other.co.uk")
		}, "smtps://smtp.other.co.uk:465 me@example.co.uk", true, "_submissions"},
		{"autoconfig at the domain's own host", "the domain's own word", "me@example.org", func(w *world) {
			w.pages[own] = page(goodServer)
			w.pages[wellKnown] = page(server("second.example.org", "465", "SSL", "x", ""))
		}, "smtps://out.example.org:465 me", false, "autoconfig.example.org"},
		{"autoconfig at the well-known place", "the other place of it", "me@example.org", func(w *world) {
			w.pages[wellKnown] = page(goodServer)
			w.names.MX("example.org", 10, "aspmx.l.google.com")
		}, "smtps://out.example.org:465 me", false, "example.org"},
		{"MX of a known provider", "a domain of one's own at a provider", "me@example.org", func(w *world) {
			w.names.MX("example.org", 10, "aspmx.l.google.com")
			w.pages[ispdbHost+"/v1.1/example.org"] = page(goodServer)
		}, "smtps://smtp.gmail.com:465 me@example.org", true, "MX"},
		{"MX of Microsoft 365", "its names have the domain in front", "me@example.org", func(w *world) {
			w.names.MX("example.org", 0, "example-org.mail.protection.outlook.com")
		}, "smtp://smtp.office365.com:587 me@example.org", true, "MX"},
		{"Mozilla's database", "where the domain says nothing", "me@example.org", func(w *world) {
			w.pages[ispdbHost+"/v1.1/example.org"] = page(goodServer)
		}, "smtps://out.example.org:465 me", false, "Mozilla"},
		{"Mozilla's database by MX", "a hoster that is in no table", "me@example.org", func(w *world) {
			w.names.MX("example.org", 10, "mx1.hoster.test")
			w.pages[ispdbHost+"/v1.1/hoster.test"] = page(server("smtp.hoster.test", "465", "SSL", "%EMAILADDRESS%", "password-cleartext"))
		}, "smtps://smtp.hoster.test:465 me@example.org", true, "hoster.test"},
		{"usual names", "the last resort", "me@example.org", func(w *world) {
			w.open["smtp://mail.example.org:587"] = true
		}, "smtp://mail.example.org:587 me@example.org", false, "mail.example.org"},
		{"nothing", "and nothing is made up", "me@example.org", nil, "", false, ""},
		{"no submission, says the domain", "RFC 2782: a target of . is decided", "me@example.org", func(w *world) {
			w.names.SRV("_submissions._tcp.example.org", 0, 0, 0, ".")
			w.names.SRV("_submission._tcp.example.org", 0, 0, 0, ".")
			w.open["smtps://smtp.example.org:465"] = true
		}, "", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.set != nil {
				c.set(w)
			}
			result, err := w.finder.Find(t.Context(), c.address)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if s := result.Settings; s != nil {
				got = s.Server.String() + " " + s.User
				if (s.Confirm != "") != c.confirm {
					t.Errorf("%s: to be confirmed: %q", c.why, s.Confirm)
				}
				if !strings.Contains(s.Source, c.source) {
					t.Errorf("%s: by %s", c.why, s.Source)
				}
			}
			if got != c.want {
				t.Errorf("%s: found %q, want %q; steps %+v", c.why, got, c.want, result.Steps)
			}
			if n := len(result.Unasked()); n > 0 {
				t.Errorf("all could be asked, and %d were not: %+v", n, result.Unasked())
			}
		})
	}
}

func TestWhatCannotBeAskedIsNotTakenForNotThere(t *testing.T) {
	const own = "autoconfig.example.org/mail/config-v1.1.xml"
	for _, c := range []struct {
		name, why string
		set       func(*world)
		unasked   string // in a step that could not be asked
		says      string
		offline   bool
	}{
		{"SERVFAIL", "a name server in trouble knows nothing", func(w *world) { w.names.Fail() }, "SRV record _submissions", "cannot be looked up", false},
		{"511", "RFC 6585: the network's own answer", func(w *world) { w.pages[own] = status(http.StatusNetworkAuthenticationRequired) }, "autoconfig.example.org", "web page first", false},
		{"500", "a server in trouble", func(w *world) { w.pages[own] = status(http.StatusInternalServerError) }, "autoconfig.example.org", "500", false},
		{"403", "not for us is not nothing", func(w *world) { w.pages[own] = status(http.StatusForbidden) }, "autoconfig.example.org", "403", false},
		{"a redirect out of TLS", "as portals do", func(w *world) { w.pages[own] = redirect("http://portal.test/") }, "autoconfig.example.org", "without TLS", false},
		{"a redirect in a circle", "it ends", func(w *world) { w.pages[own] = redirect("https://" + own) }, "autoconfig.example.org", "from page to page", false},
		{"no way to the web", "names answer, the web does not", func(w *world) { w.web = syscall.ENETUNREACH }, "autoconfig at autoconfig.example.org", "unreachable", false},
		{"another's certificate", "a portal in its place", func(w *world) { w.probes = wrongCertificate }, "smtp.example.org:465", "somebody else answers", false},
		{"no answer from a usual name", "a port that is blocked", func(w *world) { w.probes = syscall.ETIMEDOUT }, "smtp.example.org:465", "no answer in time", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.set(w)
			result, err := w.finder.Find(t.Context(), "me@example.org")
			if err != nil {
				t.Fatal(err)
			}
			if result.Settings != nil || result.Offline != c.offline {
				t.Errorf("%s: %+v", c.why, result)
			}
			for _, step := range result.Unasked() {
				if strings.Contains(step.What, c.unasked) && strings.Contains(step.Detail, c.says) {
					return
				}
			}
			t.Errorf("%s: no step says so: %+v", c.why, result.Steps)
		})
	}
}

// Without a network nothing is waited for again and again.
func TestASearchWithoutNamesEndsEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.names.Fail()
	w.web = w.failsByName()
	result, err := w.finder.Find(t.Context(), "me@example.org")
	if err != nil || !result.Offline || len(result.Steps) > 6 {
		t.Errorf("%v: %+v", err, result)
	}
	if result, err := w.finder.Find(t.Context(), "me@gmail.com"); err != nil || result.Settings == nil {
		t.Errorf("the table needs no network: %v, %+v", err, result)
	}
}

func TestTheAddressIsToldToItsDomainOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.names.MX("example.org", 10, "mx.hoster.test")
	w.pages["autoconfig.example.org/mail/config-v1.1.xml"] = redirect("https://elsewhere.test/config")
	for _, host := range []string{"elsewhere.test/config", "autoconfig.hoster.test/mail/config-v1.1.xml", ispdbHost + "/v1.1/x"} {
		w.pages[host] = http.NotFound
	}
	if _, err := w.finder.Find(t.Context(), "secret.person@example.org"); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, request := range w.fetched {
		if strings.Contains(request, "secret.person") && !strings.HasPrefix(request, "autoconfig.example.org/") {
			t.Errorf("told to %s", request)
		}
		if strings.HasPrefix(request, ispdbHost+"/v1.1/example.org ") || strings.HasPrefix(request, "elsewhere.test/config ") {
			asked++
		}
	}
	if asked != 2 {
		t.Errorf("asked %q", w.fetched)
	}
	for _, name := range w.names.Asked() {
		if strings.Contains(name, "secret") {
			t.Errorf("asked for %s", name)
		}
	}
}

func TestAnAddressThatIsNoneIsSaid(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "me", "me@", "@example.org", "me@[192.0.2.1]", "me@exa mple.org", "me@127.0.0.1", "me@example.org\r\nx"} {
		if _, err := newWorld(t).finder.Find(t.Context(), address); sysexits.Code(err) != sysexits.Usage {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestAProviderWithoutAServerIsNamed(t *testing.T) {
	t.Parallel()
	result, err := newWorld(t).finder.Find(t.Context(), "me@tuta.com")
	if err != nil || result.Settings != nil || !strings.Contains(result.Closed, "Tuta") {
		t.Errorf("%v, %+v", err, result)
	}
}

func TestEachRowOfTheTableCanBeUsed(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for _, p := range providers() {
		for domain := range strings.FieldsSeq(p.domains) {
			if seen[domain] != "" || !hostName(domain) {
				t.Errorf("%s: %s is no domain, or %s's", p.name, domain, seen[domain])
			}
			seen[domain] = p.name
		}
		if p.closed != "" {
			continue
		}
		if by := providerOf(p.server.Host); by == nil || by.server != p.server {
			t.Errorf("%s: its server is known as that of %+v", p.name, by)
		}
		if p.login != Password && !strings.HasPrefix(p.page, "https://") {
			t.Errorf("%s wants another password, and no page tells of it", p.name)
		}
		if p.domains == "" && p.hosts == "" {
			t.Errorf("%s cannot be found", p.name)
		}
	}
}
