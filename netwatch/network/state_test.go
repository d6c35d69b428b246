package network

import (
	"encoding/json"
	"testing"
	"time"
)

func TestStateComesBackFromJSON(t *testing.T) {
	for level := Unknown; level <= Way; level++ {
		text, err := json.Marshal(State{Level: level, Reason: "because", Since: time.Unix(17, 0).UTC()})
		if err != nil {
			t.Fatal(err)
		}
		var back State
		if err := json.Unmarshal(text, &back); err != nil || back.Level != level || back.Reason != "because" || back.Since.Unix() != 17 {
			t.Errorf("%s came back as %+v, %v", text, back, err)
		}
	}
	if err := new(Level).UnmarshalText([]byte("sideways")); err == nil {
		t.Error("an unknown word is a level")
	}
}
