package relay

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestOnlyNamesOfMechanismsAreKept(t *testing.T) {
	many := "AUTH"
	for n := range 2 * maxMechanisms {
		many += fmt.Sprintf(" X%d", n)
	}
	for line, want := range map[string][]string{
		"AUTH plain LOGIN plain":                          {"PLAIN", "LOGIN"},
		"AUTH=PLAIN SCRAM-SHA-256-PLUS":                   {"PLAIN", "SCRAM-SHA-256-PLUS"},
		"AUTH \x1b[2J \xff PLAIN\u202e A.B":               nil,
		"AUTH " + strings.Repeat("X", 21) + " GS2-KRB5_X": {"GS2-KRB5_X"},
	} {
		if got := capabilities([]string{line}).Auth; !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if got := capabilities([]string{many, many}).Auth; len(got) != maxMechanisms {
		t.Errorf("%d mechanisms are kept, want %d", len(got), maxMechanisms)
	}
}
