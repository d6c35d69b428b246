//go:build unix

package smarthost

import (
	"testing"

	"mailcrane/internal/config"
	"mailcrane/internal/lab"
)

// Postfix answers ETRN for the domains of its flush service, and no ATRN.
//
// Coverage: X7.
func TestRealPostfixIsAskedForMailByETRN(t *testing.T) {
	s := lab.Postfix(t)
	a := labAccount(t, s, config.Implicit, s.Implicit)
	a.Fetch, a.FetchDomains = config.FetchETRN, []string{"client.example", "other.example"}
	said, fault := labTransport(a, nil).Call(t.Context(), a)
	if fault != nil || len(said) != 2 || said[0].Code != 250 || said[1].Code != 459 {
		t.Errorf("it says %v, %v", said, fault)
	}
	conn, answer, fault := labTransport(a, nil).Turn(t.Context(), a)
	if conn != nil || fault != nil || answer.Code/100 != 5 {
		t.Errorf("to ATRN it says %v, %v", answer, fault)
	}
}
