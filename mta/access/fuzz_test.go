package access

import (
	"net/netip"
	"strings"
	"testing"
)

func FuzzEntry(f *testing.F) {
	for _, seed := range []string{
		"OK", "RELAY", "SKIP", `ERROR:5.7.1:550 "a  b"`, "ERROR:550 x", "550 4.7.1 x", "QUARANTINE:x", "TEMP:450 x", "nonsense", `"`, "ERROR:", "ERROR:5.7.1:", "999 x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, o := range []Options{{}, {Skip: true}} {
			e, _, err := parseEntry(value, o)
			if err == nil && e.Verb == Error && (e.Code < 400 || e.Code > 599 || e.Status[0] < 4 || e.Status[0] > 5) {
				t.Fatalf("%q refuses with %+v", value, e)
			}
		}
		if e, _, err := parseCompat(value); err == nil && e.Verb == Temporary && e.Code/100 != 4 {
			t.Fatalf("%q is temporary with %+v", value, e)
		}
	})
}

func FuzzRequirement(f *testing.F) {
	for _, seed := range []string{"VERIFY", "TEMP+VERIFY:128", "PERM+ENCR:112+CN", "VERIFY+CN:a++CS:/CN=b+20c++CI:/CN=d++CITag:T", "ENCR:", "+", "VERIFY+++"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r, err := parseRequirement(value)
		if err != nil {
			return
		}
		if !r.Verify && !strings.Contains(strings.ToUpper(value), "ENCR:") {
			t.Fatalf("%q asks for nothing: %+v", value, r)
		}
		none := func(string, string) (bool, error) { return false, nil }
		if r.Judge(Connection{Verify: "NONE"}, none) == nil && (r.Verify || r.Bits > 0 || len(r.Extensions) > 0) {
			t.Fatalf("%q is met without TLS: %+v", value, r)
		}
	})
}

// Whatever a map says and whoever asks, an answer is that of a line that there is.
func FuzzMap(f *testing.F) {
	f.Add("Connect:a.example OK\nIPv6:2001:db8 REJECT\nSrv_Features: S V\n", "x.a.example", "u+d@a.example", []byte{192, 0, 2, 1})
	f.Add("AuthInfo: \"U:a\" \"P=eA==\"\nTLS_Rcpt: VERIFY+CITag:T\nT:x OK\nCompat:a<@>b TEMP:450 x\n", "[192.0.2.1]", "@", []byte{})
	f.Add("Try_TLS:broken.example NO\nQGRP:u@ g\nClientRate: 5\n", "[IPv6:::1]", "<>", make([]byte, 16))
	f.Fuzz(func(t *testing.T, text, name, mailbox string, octets []byte) {
		m, _, err := Read("m", strings.NewReader(text), Options{Skip: len(name)%2 == 0, LookupDotDomain: len(name)%3 == 0, RelayToFullAddress: true})
		if err != nil {
			return
		}
		addr, _ := netip.AddrFromSlice(octets)
		for _, ask := range []func() (Entry, error){
			func() (Entry, error) { return m.Connect(name, addr) },
			func() (Entry, error) { return m.From(mailbox) },
			func() (Entry, error) { return m.ToRelay(mailbox) },
			func() (Entry, error) { return m.ToRefuse(mailbox, true) },
			func() (Entry, error) { return m.Spam(mailbox) },
			func() (Entry, error) { return m.Compat(mailbox, name) },
			func() (Entry, error) { return m.CertIssuer(name) },
		} {
			if e, err := ask(); err != nil || (e.Verb == Nothing) != (e.Where == "") {
				t.Fatalf("%+v, %v", e, err)
			}
		}
		_, _, err1 := m.GreetPause(name, addr)
		_, _, err2 := m.Rate(addr)
		_, err3 := m.Features(name, addr)
		_, _, err4 := m.TLSRecipient(mailbox)
		_, _, err5 := m.AuthInfo(name, addr)
		_, _, err6 := m.ServerTLS(name, addr)
		for i, err := range []error{err1, err2, err3, err4, err5, err6} {
			if err != nil {
				t.Fatalf("question %d: a value that was read is refused: %v", i, err)
			}
		}
	})
}
