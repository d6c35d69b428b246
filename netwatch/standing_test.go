package netwatch

import (
	"encoding/json"
	"testing"
)

func TestAProspectComesBackFromJSON(t *testing.T) {
	for p := Untried; p <= Withheld; p++ {
		text, err := json.Marshal(Standing{Prospect: p, Reason: "because"})
		if err != nil {
			t.Fatal(err)
		}
		var back Standing
		if err := json.Unmarshal(text, &back); err != nil || back.Prospect != p || back.Reason != "because" {
			t.Errorf("%s came back as %+v, %v", text, back, err)
		}
	}
	if err := new(Prospect).UnmarshalText([]byte("sideways")); err == nil {
		t.Error("an unknown word is a prospect")
	}
}
