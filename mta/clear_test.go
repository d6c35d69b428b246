package mta

import (
	"strings"
	"testing"
)

// Coverage: A41.
func TestAListenerWithoutTLSStandsBesideOneWithIt(t *testing.T) {
	cert, key, _ := certificateOf(t, "mx.example.org")
	r := run(t, "dont_blame_sendmail = [\"TrustStickyBit\"]\n"+ours+"[mta.tls]\ncert = \""+cert+"\"\nkey = \""+key+"\"\n",
		"tls = \"none\"\n[[mta.listen]]\naddress = \"127.0.0.1:0\"\n")
	for i, offers := range []bool{false, true} {
		r.address = r.Addresses()[i].String()
		c := r.dial()
		if hello := c.hello(); strings.Contains(hello, "STARTTLS") != offers {
			t.Errorf("listener %d offers:\n%s", i, hello)
		}
		c.say("MAIL FROM:<me@example.net>", "250")
		c.say("RCPT TO:<you@example.org>", "250")
	}
}
