package expand

import (
	"testing"

	"mailcrane/queue"
)

// RFC 3461 section 5.2.7.
func TestWishesForReportsFollowTheMessageOrAreAnsweredHere(t *testing.T) {
	w := &town{
		users: "ann bob carl",
		aliases: map[string]string{
			"one": "x@far.example", "two": "ann, bob", "list": "ann, bob", "owner-list": "carl", "way": "list", "half": "list, carl",
			"copy": "ann, /dev/null", "same": "ann, ann",
		},
		forward: map[string]string{"carl": `\carl, x@far.example`},
	}
	for _, c := range []struct {
		reason, to, notify, orcpt string
		wantNotify, wantORcpt     string
		spread, listed            bool
	}{
		{"the mailbox itself", "ann@here.example", "SUCCESS", "", "SUCCESS", "", false, false},
		{"one in the place of another inherits all", "one", "SUCCESS,FAILURE", "rfc822;old@far.example", "SUCCESS,FAILURE", "rfc822;old@far.example", false, false},
		{"who it was is said", "one", "", "", "", "rfc822;one", false, false},
		{"success of several is said here", "two", "SUCCESS,FAILURE", "", "FAILURE", "rfc822;two", true, false},
		{"nothing else was wanted", "two", "SUCCESS", "", "NEVER", "rfc822;two", true, false},
		{"nothing is wanted at all", "two", "NEVER", "", "NEVER", "rfc822;two", true, false},
		{"the owner of a list hears of its members", "list", "SUCCESS", "rfc822;x", "FAILURE,DELAY", "", false, true},
		{"also behind an alias", "way", "NEVER", "", "FAILURE,DELAY", "", false, true},
		{"a list is one of several", "half", "SUCCESS,DELAY", "", "FAILURE,DELAY", "", true, false},
		{"a .forward with a copy", "carl@here.example", "SUCCESS,DELAY", "", "DELAY", "", true, false},
		{"nobody does not count", "copy", "SUCCESS", "", "SUCCESS", "rfc822;copy", false, false},
		{"twice the same is one", "same", "SUCCESS", "", "SUCCESS", "rfc822;same", false, false},
		{"a name that is not ASCII has no ORCPT", "über@virtual.example", "", "", "", "", false, false},
	} {
		w.virtual = map[string]string{"über": "x@far.example"}
		answers, err := w.expander().Expand(t.Context(), []Question{{Sender: "me@far.example", Recipient: queue.Recipient{Address: c.to, Notify: c.notify, ORcpt: c.orcpt}}})
		if err != nil {
			t.Fatal(err)
		}
		a := answers[0]
		d := a.Destinations[0]
		if d.Notify != c.wantNotify || d.ORcpt != c.wantORcpt || a.Spread != c.spread || a.Listed != c.listed {
			t.Errorf("%s: NOTIFY=%q ORCPT=%q spread %t listed %t", c.reason, d.Notify, d.ORcpt, a.Spread, a.Listed)
		}
	}
}
