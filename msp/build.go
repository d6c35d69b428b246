package msp

import (
	"fmt"
	"io"
)

// compiledWith is what of sendmail's features there is in mailcrane, by the words
// that sendmail has for them, in its form.
const compiledWith = " Compiled with: DNSMAP LOG MIME8TO7 NAMED_BIND NETINET NETINET6 NETUNIX\n" +
	"\t\tPIPELINING SASL STARTTLS USE_EAI\n"

// tellBuild is what -d0.1 says.
func (p *Program) tellBuild(w io.Writer) {
	fmt.Fprintf(w, "Version mailcrane %s\n%s", p.Version, compiledWith)
}
