package relay

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"mailcrane/internal/address"
	"mailcrane/internal/lab"
	"mailcrane/queue"
	"mailcrane/smarthost/relay/sasl"
)

// servers are the smarthosts that are not ours.
func servers() map[string]func(testing.TB) lab.Smarthost {
	return map[string]func(testing.TB) lab.Smarthost{"postfix": lab.Postfix, "exim": lab.Exim, "opensmtpd": lab.OpenSMTPD}
}

// at is the target of one of the smarthost's ports.
func at(t testing.TB, s lab.Smarthost, address string, mode Mode) Target {
	t.Helper()
	policy, err := LoadTLS(s.CAFile, "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return Target{
		LoginHint: "type: mailcrane login lab", Server: s.Name, Address: address, Mode: mode, TLS: policy,
		Auth: sasl.Credentials{User: s.User, Secret: s.Password, Mechanism: "auto"},
	}
}

func TestRealServersKeepEveryOctet(t *testing.T) {
	for name, start := range servers() {
		t.Run(name, func(t *testing.T) {
			host := start(t)
			for _, mode := range []Mode{Implicit, StartTLS} {
				address := map[Mode]string{Implicit: host.Implicit, StartTLS: host.StartTLS}[mode]
				s, fault := Open(t.Context(), at(t, host, address, mode))
				if fault != nil {
					t.Fatal(fault.Sentence())
				}
				groups := name != "opensmtpd"
				if c := s.Capabilities(); c.Pipelining != groups || c.Chunking != groups || !c.EightBitMIME {
					t.Errorf("%s does not offer what was thought: %+v", name, c)
				}
				box := host.Mailbox(t)
				if groups {
					deliverAll(t, s, box, "bdat", true)
					// The same by DATA, which must make no difference.
					s.speaks.chunks = false
					deliverAll(t, s, box, "data", true)
				}
				// And without PIPELINING.
				s.speaks.group = false
				deliverAll(t, s, box, "slow", false)
				s.Close(t.Context())
			}
		})
	}
}

// bodies are messages that are easy to spoil.
var bodies = []struct{ why, text string }{
	{"dots", "\n.\n..\n.a\nb.\n.\n"},
	{"no final line end", "\nend"},
	{"CRLF", "X: 1\r\n\r\na\r\n\r\nb\r\n"},
	{"mixed line ends", "\na\r\nb\nc\r\n\n\n"},
	{"8 bits", "\nüöä \xff\xfe\n"},
	{"half a chunk more than one", "\n" + strings.Repeat(strings.Repeat(".", 63)+"\n", 3*chunk/2/64)},
}

func deliverAll(t *testing.T, s *Session, box *lab.Mailbox, way string, grouped bool) {
	t.Helper()
	for i, body := range bodies {
		to := box.Address(fmt.Sprintf("%s%s%d", way, s.target.Mode.scheme(), i))
		text := "Subject: " + body.why + "\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nMessage-ID: <" + to + ">\n" + body.text
		m := mail(text, to)
		m.Content.EightBit = address.NeedsUTF8(text)
		before := s.Cost().RoundTrips
		if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "delivered" {
			t.Fatalf("%s, %s: %v, %s %v", way, body.why, fault, m.states(), m.got[0].Reply())
		}
		if trips := s.Cost().RoundTrips - before; grouped && m.Size < oneFlight && trips > map[string]int{"bdat": 1, "data": 2}[way] {
			t.Errorf("%s, %s: %d round trips", way, body.why, trips)
		}
		want := strings.ReplaceAll(slowWire(text, false), "\r\n", "\n")
		if got := string(box.Wait(to).Sent); got != want {
			t.Errorf("%s, %s: %d octets arrived for %d: %.60q", way, body.why, len(got), len(want), got)
		}
	}
}

func TestRealServersRefuseAndTheSessionGoesOn(t *testing.T) {
	for name, start := range servers() {
		t.Run(name, func(t *testing.T) {
			host := start(t)
			ways := []string{"bdat", "data", "slow"}
			if name == "opensmtpd" {
				ways = []string{"slow"}
			}
			for _, way := range ways {
				s, fault := Open(t.Context(), at(t, host, host.Implicit, Implicit))
				if fault != nil {
					t.Fatal(fault.Sentence())
				}
				s.speaks.chunks = way == "bdat"
				if way == "slow" {
					s.speaks.group = false
				}
				box := host.Mailbox(t)
				good := box.Address("good" + way)
				for _, step := range []struct {
					to   []string
					want string
				}{
					{[]string{box.Address("reject")}, "failed"},
					{[]string{box.Address("defer"), box.Address("reject")}, "deferred failed"},
					{[]string{box.Address("reject"), good, box.Address("defer")}, "failed delivered deferred"},
					{[]string{box.Address("reject")}, "failed"},
					{[]string{good}, "delivered"},
				} {
					m := mail("Subject: x\n\nx\n", step.to...)
					if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != step.want {
						t.Fatalf("%s %v: %v, %s", way, step.to, fault, m.states())
					}
				}
				drop := mail("x\n", box.Address("drop"))
				if fault := s.Deliver(t.Context(), &drop.Delivery); fault == nil || !strings.Contains(fault.Sentence(), "421") || drop.states() != "pending" {
					t.Errorf("%s: 421 to RCPT gave %v, %s", way, fault, drop.states())
				}
				s.Close(t.Context())
				if got := box.WaitN(good, 2); len(got) != 2 {
					t.Errorf("%s: %d arrived", way, len(got))
				}
			}
		})
	}
}

// Coverage: A34.
func TestRealServersLogIn(t *testing.T) {
	for name, start := range servers() {
		t.Run(name, func(t *testing.T) {
			host := start(t)
			mechanisms := []string{"auto", "plain", "login", "cram-md5", "scram-sha-256"}
			if name == "opensmtpd" {
				mechanisms = mechanisms[:3]
			}
			for _, mechanism := range mechanisms {
				target := at(t, host, host.Implicit, Implicit)
				target.Auth = sasl.Credentials{User: host.User, Secret: host.Password, Mechanism: mechanism}
				s, fault := Open(t.Context(), target)
				if fault != nil {
					t.Errorf("%s: %s; %s", mechanism, fault.Sentence(), fault.Hint)
					continue
				}
				s.Close(t.Context())
			}
		})
	}
}

func TestRealServerLogsInByCertificate(t *testing.T) {
	host := lab.Exim(t)
	target := at(t, host, host.Implicit, Implicit)
	policy, err := LoadTLS(host.CAFile, host.ClientCert, host.ClientKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	target.TLS, target.Auth = policy, sasl.Credentials{User: host.User, Certificate: true}
	s, fault := Open(t.Context(), target)
	if fault != nil {
		t.Fatal(fault.Sentence())
	}
	s.Close(t.Context())
}

func TestRealCertificatesThatAreWrong(t *testing.T) {
	for name, start := range servers() {
		t.Run(name, func(t *testing.T) {
			host := start(t)
			for _, port := range []struct {
				address string
				mode    Mode
				roots   bool
				says    string
				person  bool
			}{
				{host.Expired, Implicit, true, "expired on", true},
				{host.ExpiredStartTLS, StartTLS, true, "expired on", true},
				{host.WrongName, Implicit, true, "is for other.test", false},
				{host.WrongNameStartTLS, StartTLS, true, "is for other.test", false},
				{host.Implicit, Implicit, false, "a CA that is not trusted here", false},
				{host.StartTLS, Implicit, true, "does not speak TLS at once", true},
				{host.Plain, StartTLS, true, "does not offer STARTTLS", true},
			} {
				target := at(t, host, port.address, port.mode)
				if !port.roots {
					target.TLS = TLS{}
				}
				_, fault := Open(t.Context(), target)
				if fault == nil || !strings.Contains(fault.Sentence(), port.says) || fault.Hint == "" || fault.NeedsPerson != port.person {
					t.Errorf("%s: %+v, want %q", port.address, fault, port.says)
				}
			}
		})
	}
}

func TestRealServerThatWasPinned(t *testing.T) {
	host := lab.Postfix(t)
	target := at(t, host, host.Implicit, Implicit)
	target.TLS = TLS{}
	_, fault := Open(t.Context(), target)
	if fault == nil {
		t.Fatal("the lab's CA is trusted by the system")
	}
	_, pasted, _ := strings.Cut(fault.Hint, `tls.pin = ["`)
	pasted, _, _ = strings.Cut(pasted, `"]`)
	pin, err := parsePin(pasted)
	if err != nil {
		t.Fatalf("the hint %q has no pin: %v", fault.Hint, err)
	}
	target.TLS = TLS{Pins: []Pin{pin}}
	s, fault := Open(t.Context(), target)
	if fault != nil {
		t.Fatal(fault.Sentence())
	}
	s.Close(t.Context())
}

// A wrong password is tried once a server: real ones answer it slowly, and
// slower each time.
func TestRealServersRefuseAWrongPassword(t *testing.T) {
	for name, start := range servers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := start(t)
			target := at(t, host, host.Implicit, Implicit)
			target.Auth = sasl.Credentials{User: host.User, Secret: "wrong-secret", Mechanism: "auto"}
			_, fault := Open(t.Context(), target)
			refusal{queue.StepAuth, "535", "mailcrane login lab", true}.check(t, fault)
		})
	}
}

// BenchmarkRealServers is 50 MB over TLS to servers that write it to disk.
func BenchmarkRealServers(b *testing.B) {
	text := "Subject: large\n\n" + strings.Repeat(strings.Repeat("x", 75)+"\n", 50_000_000/76)
	for name, start := range servers() {
		for _, chunking := range []bool{true, false} {
			if chunking && name == "opensmtpd" {
				continue
			}
			b.Run(name+map[bool]string{true: "-BDAT", false: "-DATA"}[chunking], func(b *testing.B) {
				host := start(b)
				box := host.Mailbox(b)
				s, fault := Open(b.Context(), at(b, host, host.Implicit, Implicit))
				if fault != nil {
					b.Fatal(fault.Sentence())
				}
				defer s.Close(context.Background())
				s.caps.Chunking = chunking
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					m := mail(text, box.Address("large"))
					if fault := s.Deliver(b.Context(), &m.Delivery); fault != nil || m.states() != "delivered" {
						b.Fatalf("%v, %s", fault, m.states())
					}
				}
			})
		}
	}
}
