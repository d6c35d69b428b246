package access

import (
	"strings"
	"testing"
)

// Coverage: X5.
func TestALineThatCanMeanNothingIsNamedWithItsNumber(t *testing.T) {
	for _, c := range []struct{ why, line, want string }{
		{"no such tag", "Conect:a.example OK", "access:1: there is no tag conect: did you mean Connect?"},
		{"no value", "Connect:a.example", "access:1: no value for connect:a.example"},
		{"white space first", " Connect:a.example OK", "access:1: white space before the key"},
		{"nobody", "Connect: OK", "access:1: Connect: names nobody"},
		{"CIDR", "Connect:10.0.0.0/8 REJECT", "access:1: 10.0.0.0/8 is never found"},
		{"IPv6 with compression", "Connect:IPv6:2001:db8::1 OK", "write IPv6:2001:db8:0:0:0:0:0:1"},
		{"IPv6 without its tag", "2001:db8::1 OK", "write IPv6:2001:db8:0:0:0:0:0:1"},
		{"IPv6 behind Connect without its tag", "Connect:2001:db8::1 OK", "write IPv6:2001:db8:0:0:0:0:0:1"},
		{"IPv6 with zeros", "IPv6:2001:0db8 OK", "write db8 for the group 0db8"},
		{"a mailbox as a host", "Connect:u@a.example OK", "a host or an address is wanted"},
		{"no number", "ClientRate:10.1 many", "many is no number"},
		{"a number below 0", "GreetPause:a.example -1", "-1 is no number"},
		{"neither friend nor hater", "Spam:u@a.example OK", "OK means nothing here: write FRIEND or HATER"},
		{"no NO", "Try_TLS:a.example never", "never means nothing here"},
		{"no requirement", "TLS_Srv:a.example SECURE", "is no requirement"},
		{"no bits", "TLS_Srv:a.example ENCR:strong", "is no number of bits"},
		{"no extension", "TLS_Srv:a.example VERIFY+XX:y", "asks for nothing"},
		{"no option", "TLS_Srv_features:a.example Optons=x", "did you mean Options?"},
		{"a certificate without its key", "TLS_Srv_features:a.example CertFile=/c", "go together"},
		{"CertIssuer without sense", "CertIssuer:/CN=x OK", "OK means nothing here"},
		{"Compat without sense", "Compat:a<@>b RELAY", "RELAY means nothing here"},
		{"a code that takes it", "a.example ERROR:250 fine", "250 is no code that refuses"},
		{"QUARANTINE without a reason", "a.example QUARANTINE:", "needs a reason"},
		{"AuthInfo without a password", `AuthInfo:a.example "U:me"`, "it needs U or I, and P"},
		{"a control character", "a.example 550 a\rb", "control character"},
	} {
		_, err := Parse("access", c.line+"\nb.example OK\n", Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "access:1: ") {
			t.Errorf("%s: %v; want %s", c.why, err, c.want)
		}
	}
	_, err := Parse("access", "Conect:a OK\nb.example OK\nTry_TLS:x no\nTry_TLS:x maybe\n", Options{})
	if err == nil || !strings.Contains(err.Error(), "access:1: ") || !strings.Contains(err.Error(), "access:4: ") {
		t.Errorf("not all bad lines are named: %v", err)
	}
}

func TestASecretInABadLineIsNotShown(t *testing.T) {
	for _, value := range []string{`"X:hush"`, `"P=hush!"`, `"hush"`, `"I:me" "Phush"`, `hush`} {
		_, err := Parse("access", "AuthInfo:a.example "+value+"\n", Options{})
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", value, err)
		}
	}
}

func TestAWarningSaysWhatALineMeansThatSeemsToSayAnother(t *testing.T) {
	for _, c := range []struct{ why, text, want string }{
		{"a slip is the text of an error", "a.example REJCT", "access:1: REJCT is no word of an access map, and is sent as the text of an error: 553 5.3.0 REJCT"},
		{"SKIP without its option", "a.example SKIP", "the option skip is not set"},
		{"an unknown letter", "Srv_Features: S Q", "unknown letter Q is ignored"},
		{"a status of another class", "a.example ERROR:4.7.1:550 no", "does not go with the code 550"},
		{"twice", "a.example OK\nA.example REJECT", "access:2: a.example stands in line 1 already, which counts"},
	} {
		m, warnings, err := Read("access", strings.NewReader(c.text), Options{})
		if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], c.want) {
			t.Errorf("%s: %q, %v", c.why, warnings, err)
		}
		_ = m
	}
	if _, warnings, err := Read("access", strings.NewReader("a.example OK\nSrv_Features: S V\n"), Options{}); len(warnings) > 0 || err != nil {
		t.Errorf("good lines: %q, %v", warnings, err)
	}
}

// Coverage: X5.
func TestATLSRequirementIsJudgedInSendmailsWords(t *testing.T) {
	ok := Connection{Verify: "OK", Bits: 256, Name: "mx.example", CN: "mx.example", Subject: "/O=x y/CN=mx.example", Issuer: "/CN=ca"}
	with := func(change func(*Connection)) Connection {
		c := ok
		change(&c)
		return c
	}
	verify := func(word string) Connection { return with(func(c *Connection) { c.Verify = word }) }
	clear := Connection{Verify: "NONE"}
	for _, c := range []struct {
		why, value string
		c          Connection
		want       string
	}{
		{"verified", "VERIFY", ok, ""},
		{"verified by DANE", "VERIFY", verify("TRUSTED"), ""},
		{"no certificate", "VERIFY", verify("NO"), "454 4.7.0 not authenticated"},
		{"not asked for one", "VERIFY", verify("NOT"), "454 4.7.0 no authentication requested"},
		{"a bad certificate", "VERIFY", verify("FAIL"), "454 4.7.0 authentication failed"},
		{"no STARTTLS", "VERIFY", clear, "454 4.7.0 other side does not support STARTTLS"},
		{"no TLS at all", "VERIFY", Connection{}, "454 4.7.0 authentication required"},
		{"another word", "VERIFY", verify("TEMP"), "454 4.7.0 authentication failure TEMP"},
		{"for now", "TEMP+VERIFY", verify("NO"), "403 4.7.0 not authenticated"},
		{"for good", "PERM+VERIFY", verify("NO"), "503 5.7.0 not authenticated"},
		{"prefixes in any case", "perm+verify", verify("NO"), "503 5.7.0 not authenticated"},
		{"bits enough", "ENCR:128", ok, ""},
		{"bits without a certificate", "ENCR:128", verify("NO"), ""},
		{"too few bits", "ENCR:512", ok, "454 4.7.0 encryption too weak 256 less than 512"},
		{"no encryption", "ENCR:1", clear, "454 4.7.0 encryption too weak 0 less than 1"},
		{"the layer of AUTH counts", "ENCR:112", Connection{AuthBits: 112}, ""},
		{"verified, and too few bits", "VERIFY:512", ok, "454 4.7.0 encryption too weak 256 less than 512"},
		{"its name", "VERIFY+CN", ok, ""},
		{"another name", "VERIFY+CN", with(func(c *Connection) { c.Name = "other.example" }), "454 4.7.0 CN mx.example does not match other.example"},
		{"a name that is written", "VERIFY+CN:mx.example", ok, ""},
		{"no name", "ENCR:1+CN", with(func(c *Connection) { c.CN, c.Name = "", "" }), "454 4.7.0 CN  does not match "},
		{"the subject, encoded", "VERIFY+CS:/O=x+20y/CN=mx.example", ok, ""},
		{"another subject", "VERIFY+CS:/CN=z", ok, "454 4.7.0 Cert Subject /O=x y/CN=mx.example does not match /CN=z"},
		{"all have to hold", "VERIFY:128+CN++CI:/CN=ca", ok, ""},
		{"one does not", "VERIFY:128+CN++CI:/CN=cb", ok, "454 4.7.0 Cert Issuer /CN=ca does not match /CN=cb"},
		{"an issuer of a list", "VERIFY+CITag:Ours", ok, ""},
		{"none of a list", "VERIFY+CITag:Theirs", ok, "454 4.7.0 Cert Issuer /CN=ca is none of Theirs"},
		{"a failed handshake", "ENCR:1", verify("SOFTWARE"), "454 4.7.0 TLS handshake failed."},
		{"a failed STARTTLS", "PERM+ENCR:1", verify("PROTOCOL"), "503 5.7.0 STARTTLS failed."},
		{"nothing is asked", "OK", clear, ""},
	} {
		m := parse(t, "TLS_Srv:mx.example "+c.value+"\nOurs:/CN=ca OK\nTheirs:/CN=cb OK\nTLS_Clt: ENCR:1+CITag:Ours++CITag:Theirs\n", Options{})
		r, found, err := m.TLSServer("mx.example", addr("192.0.2.1"))
		if !found || err != nil {
			t.Fatalf("%s: %v", c.why, err)
		}
		got := ""
		if err := r.Judge(c.c, m.IssuerTagged); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
	}
}

// Coverage: X5.
func TestTLSIsRequiredOfAPeerOrARecipient(t *testing.T) {
	m := parse(t, "TLS_Rcpt: ENCR:1\nTLS_Rcpt:u@a.example ENCR:2\nTLS_Rcpt:v@ ENCR:3\nTLS_Rcpt:example ENCR:4\nTLS_Clt:192.0.2 ENCR:5\nTLS_Clt: ENCR:6\n", Options{})
	for address, bits := range map[string]int{"u@a.example": 2, "v@a.example": 3, "w@a.example": 4, "w@example.org": 1} {
		if r, found, err := m.TLSRecipient(address); r.Bits != bits || !found || err != nil {
			t.Errorf("%s: %+v %v %v", address, r, found, err)
		}
	}
	for address, bits := range map[string]int{"192.0.2.5": 5, "198.51.100.1": 6} {
		if r, found, err := m.TLSClient("x.test", addr(address)); r.Bits != bits || !found || err != nil {
			t.Errorf("%s: %+v %v %v", address, r, found, err)
		}
	}
	if r, found, err := m.TLSServer("x.test", addr("192.0.2.5")); found || err != nil {
		t.Errorf("%+v %v %v", r, found, err)
	}
}

// The tips for both letters, pasted one after the other, would lose the second.
func TestLettersInTwoLinesWithOneKeyAreWarnedOfWithWhatToWrite(t *testing.T) {
	_, warnings, err := Read("access", strings.NewReader("Srv_Features: S\nSrv_Features:a.example V\nSrv_Features: V\n"), Options{})
	if all := strings.Join(warnings, "\n"); err != nil || !strings.Contains(all, "access:3: these letters do not count: write one line, srv_features: S V") || strings.Contains(all, "access:2:") {
		t.Errorf("%v, %v", warnings, err)
	}
}
