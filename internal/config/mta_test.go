package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheFileSetsWhatAServerGoesBy(t *testing.T) {
	for _, c := range []struct {
		reason, text string
		want         func(*MTA)
	}{
		{"its name and classes", "[mta]\nhostname = \"mail.example.org\"\nlocal = [\"example.org\"]\nrelay = [\"10.1.2\"]", func(m *MTA) {
			m.Hostname, m.Local, m.Relay = "mail.example.org", []string{"example.org"}, []string{"10.1.2"}
		}},
		{"listeners, in the order of the file", "[[mta.listen]]\naddress = \"0.0.0.0:25\"\n[[mta.listen]]\naddress = \":587\"\nauth = \"required\"\ntls = \"starttls\"\n[[mta.listen]]\naddress = \"[::]:465\"\ntls = \"implicit\"", func(m *MTA) {
			m.Listeners = []Listener{{Address: "0.0.0.0:25"}, {Address: ":587", Auth: AuthRequired}, {Address: "[::]:465", TLS: ListenImplicit}}
		}},
		{"a Unix socket", "[[mta.listen]]\naddress = \"unix:/run/mta.sock\"\nauth = \"none\"\ntls = \"none\"", func(m *MTA) {
			m.Listeners = []Listener{{Address: "unix:/run/mta.sock", Auth: AuthNone, TLS: ListenClear}}
		}},
		{"what is asked of clients", "[mta.policy]\ndelay_checks = \"friend\"\nrequire_rdns = true\nrelay_mail_from = \"domain\"\ntrusted_mechanisms = [\"plain\"]\ngreet_pause = 5000\nconnection_rate_window = 90", func(m *MTA) {
			m.Policy.DelayChecks, m.Policy.RequireRDNS, m.Policy.RelayMailFrom = ChecksFriend, true, MailFromDomain
			m.Policy.TrustedMechanisms, m.Policy.GreetPause, m.Policy.RateWindow = []string{"PLAIN"}, 5000, 90*time.Second
		}},
		{"a grey list", "[mta.greylist]\non = true\ndelay = \"1m\"\nfile = \"~/grey\"", func(m *MTA) {
			m.Policy.Greylist.On, m.Policy.Greylist.Delay, m.Policy.Greylist.File = true, time.Minute, "/home/me/grey"
		}},
		{"its log, and what it tells this machine", "[mta.log]\nformat = \"json\"\ntarget = \"syslog:udp:192.0.2.1:514\"\n[mta.watch]\nlisten = \":9025\"", func(m *MTA) {
			m.Watch = Watching{Format: "json", Target: "syslog:udp:192.0.2.1:514", Listen: "127.0.0.1:9025"}
		}},
		{"what clients may do", "[mta]\ngreeting = \"$j\"\nallow_bogus_helo = true\nsoft_bounce = true\n[mta.limits]\nconnections = 100\nbad_recipients_throttle = 3\nbad_recipients_shutdown = 9\nnoop_commands = 5", func(m *MTA) {
			m.Limits = ServerLimits{Connections: 100, BadRcptThrottle: 3, BadRcptShutdown: 9, NOOPs: 5, Greeting: "$j", AllowBogusHELO: true, SoftBounce: true}
		}},
		{"block lists", "[[mta.dnsbl]]\nlist = \"one.example\"\n[[mta.dnsbl]]\nlist = \"two.example\"", func(m *MTA) {
			m.DNSBLs = []DNSBL{{List: "one.example"}, {List: "two.example"}}
		}},
		{"a block list with all its settings", "[[mta.dnsbl]]\nlist = \"bl.test.\"\nmessage = \"550 no\"\ntemporary = true\nmatch = [\"127.0.0.2\", \"127.0.0.$-.\"]", func(m *MTA) {
			m.DNSBLs = []DNSBL{{List: "bl.test", Message: "550 no", Temporary: ListFailure{Refuses: true}, Match: []string{"127.0.0.2", "127.0.0.$-."}}}
		}},
		{"sendmail's t, a text, and none", "[[mta.dnsbl]]\nlist = \"a\"\ntemporary = \"t\"\n[[mta.dnsbl]]\nlist = \"b\"\ntemporary = \"450 later\"\n[[mta.dnsbl]]\nlist = \"c\"\ntemporary = false", func(m *MTA) {
			m.DNSBLs = []DNSBL{{List: "a", Temporary: ListFailure{Refuses: true}}, {List: "b", Temporary: ListFailure{Refuses: true, Message: "450 later"}}, {List: "c"}}
		}},
		{"name servers", "[mta]\nname_servers = [\"192.0.2.1\", \"127.0.0.1:5353\", \"2001:db8::1\", \"[2001:db8::1]:53\"]", func(m *MTA) {
			m.NameServers = []string{"192.0.2.1", "127.0.0.1:5353", "2001:db8::1", "[2001:db8::1]:53"}
		}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			got, err := Parse("m.toml", []byte(c.text+"\n"), home)
			if err != nil {
				t.Fatal(err)
			}
			want := defaults().MTA
			c.want(&want)
			for i := range got.MTA.Listeners {
				got.MTA.Listeners[i].at = 0
			}
			for i := range got.MTA.DNSBLs {
				got.MTA.DNSBLs[i].at = 0
			}
			if diff := cmp.Diff(want, got.MTA, cmp.AllowUnexported(Listener{}, DNSBL{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestABadServerConfigurationNamesTheLine(t *testing.T) {
	for _, c := range []struct{ reason, text, want string }{
		{"a listener without an address", "[mta]\n[[mta.listen]]\nauth = \"none\"", "m.toml:2: [[mta.listen]] has no address"},
		{"a list without its domain", "[[mta.dnsbl]]", "m.toml:1: [[mta.dnsbl]] has no list"},
		{"a log that goes nowhere", "[mta.log]\ntarget = \"file:/x\"", "is no place for a log"},
		{"a log of another kind", "[mta.log]\nformat = \"xml\"", "m.toml:2"},
		{"metrics without a port", "[mta.watch]\nlisten = \"localhost\"", "m.toml:2"},
		{"a list that is no domain", "[[mta.dnsbl]]\nlist = \"[127.0.0.1]\"", "m.toml:2: mta.dnsbl.1.list: [127.0.0.1] is no domain"},
		{"a reply that refuses nobody", "[[mta.dnsbl]]\nlist = \"a\"\nmessage = \"250 ok\"", "m.toml:3: mta.dnsbl.1.message: 250 refuses nobody: write 550"},
		{"a reply of two lines", "[[mta.dnsbl]]\nlist = \"a\"\nmessage = \"550 a\\r\\nb\"", "a reply has printable ASCII only"},
		{"a reply without a text", "[[mta.dnsbl]]\nlist = \"a\"\nmessage = \"550 5.7.1\"", "this says nothing to the client"},
		{"a reply without an end", "[[mta.dnsbl]]\nlist = \"a\"\ntemporary = \"" + strings.Repeat("x", 401) + "\"", "a reply may have 400"},
		{"an answer that is none", "[[mta.dnsbl]]\nlist = \"a\"\nmatch = [\"127.0.0.256\"]", "m.toml:3: mta.dnsbl.1.match: 127.0.0.256 is no answer of a list"},
		{"an answer of three parts", "[[mta.dnsbl]]\nlist = \"a\"\nmatch = [\"127.0.$-\"]", "an address has 4 parts"},
		{"a name server by its name", "[mta]\nname_servers = [\"ns.test\"]", "ns.test is no address of a name server"},
		{"a network of name servers", "[mta]\nname_servers = [\"192.0.2.0/24\"]", "192.0.2.0/24 is no address of a name server"},
		{"a port that is none", "[mta]\nname_servers = [\"192.0.2.1:0\"]", "192.0.2.1:0 is no address of a name server"},
		{"one pair of brackets", "[mta.listen]\naddress = \":25\"", "mta.listen is a list of tables"},
		{"a list that there is not", "[[mta.lisen]]\naddress = \":25\"", "there is none of that name"},
		{"a key that there is not", "[[mta.listen]]\nbacklog = \":25\"", `unknown key "mta.listen.1.backlog"`},
		{"no port", "[[mta.listen]]\naddress = \"0.0.0.0\"", "is no listener"},
		{"the same key twice in one table", "[[mta.listen]]\naddress = \":25\"\naddress = \":26\"", "a second time"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			_, err := Parse("m.toml", []byte(c.text+"\n"), home)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestAServerDeliversAtOnceUnlessAModeIsSet(t *testing.T) {
	for _, c := range []struct {
		reason, text, line string
		want               Mode
	}{
		{"sendmail's own default", "", "", Background},
		{"the file", "delivery_mode = \"deferred\"", "", DeferredRun},
		{"the command line", "", "-odq", QueueOnly},
		{"the command line goes over the file", "delivery_mode = \"deferred\"", "-odd", DeferredRun},
	} {
		got, err := Parse("m.toml", []byte(c.text+"\n"), home)
		if err == nil {
			err = got.Apply(settingsIn(c.line))
		}
		if err != nil || got.ServerMode() != c.want {
			t.Errorf("%s: the mode is %c, want %c: %v", c.reason, got.ServerMode(), c.want, err)
		}
	}
}

// Coverage: B134.
func TestPrivacyWordsAreAddedUpAndGoAwayIsSeveral(t *testing.T) {
	for text, want := range map[string]PrivacyFlags{
		"needmailhelo, noexpn": NeedMailHelo | NoExpn | NoVerb,
		"public":               0,
		"GoAway":               NeedMailHelo | NeedExpnHelo | NeedVrfyHelo | NoExpn | NoVrfy | NoVerb | AuthWarnings,
		"restrictqrun,noetrn":  RestrictQrun | NoETRN,
		"nonsense,noreceipts":  NoReceipts,
	} {
		if got := privacyFlags(text); got != want {
			t.Errorf("%q is %v, want %v", text, got.words(), want.words())
		}
	}
}

func TestAServerKeepsSomeRoomUnlessToldNotTo(t *testing.T) {
	for text, want := range map[string]int64{
		"":                                100,
		"[submit]\nmin_free_blocks = 7\n": 7,
		"[submit]\nmin_free_blocks = 0\n": 0,
	} {
		c, err := Parse("m.toml", []byte(text), home)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.ServerFreeBlocks(); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
