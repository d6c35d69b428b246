package expand

import (
	"strings"

	"mailcrane/internal/address"
	"mailcrane/queue"
	"mailcrane/queue/dsn"
)

// grant gives the destinations what they inherit of the recipient's wishes (RFC 3461
// section 5.2.7). Where several stand in its place, the wish to hear of success is
// answered here. To a list with an owner the message has been delivered: what its
// members get is the owner's, who hears of failures and delays.
func (a *Answer) grant(r queue.Recipient) {
	kept, lists := 0, make(map[string]bool)
	for i := range a.Destinations {
		if d := &a.Destinations[i]; !d.Discard {
			kept++
			lists[d.list] = true
		}
	}
	a.Listed = kept > 0 && len(lists) == 1 && !lists[""]
	a.Spread = kept > 1 && !a.Listed
	for i := range a.Destinations {
		d := &a.Destinations[i]
		if d.Owned {
			d.Notify = "FAILURE,DELAY"
			continue
		}
		d.Notify, d.ORcpt = r.Notify, r.ORcpt
		if kept > 1 {
			d.Notify = withoutSuccess(r.Notify)
		}
		if d.ORcpt == "" && !address.NeedsUTF8(r.Address) && address.Key(d.Address) != address.Key(r.Address) {
			d.ORcpt = "rfc822;" + dsn.EncodeXtext(r.Address)
		}
	}
}

// withoutSuccess is NOTIFY without SUCCESS.
func withoutSuccess(notify string) string {
	if notify == "" {
		return ""
	}
	var left []string
	for word := range strings.SplitSeq(notify, ",") {
		if !strings.EqualFold(word, "SUCCESS") {
			left = append(left, word)
		}
	}
	if len(left) == 0 {
		return "NEVER"
	}
	return strings.Join(left, ",")
}
