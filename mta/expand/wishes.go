package expand

import (
	"strings"

	"mailcrane/internal/address"
	"mailcrane/mta/aliases"
	"mailcrane/queue"
	"mailcrane/queue/dsn"
)

// grant gives the destinations what they inherit of the recipient's wishes (RFC 3461
// section 5.2.7). Where several stand in its place, the wish to hear of success is
// answered here; the members of a list with an owner have none.
func (a *Answer) grant(r queue.Recipient) {
	kept := 0
	for _, to := range a.Destinations {
		if !to.Discard {
			kept++
		}
	}
	a.Spread = kept > 1 && !a.Listed
	for i := range a.Destinations {
		to := &a.Destinations[i]
		if to.Owned {
			continue
		}
		to.Notify, to.ORcpt = r.Notify, r.ORcpt
		if kept > 1 {
			to.Notify = withoutSuccess(r.Notify)
		}
		if to.ORcpt == "" && !address.NeedsUTF8(r.Address) && address.Key(to.Address) != address.Key(r.Address) {
			to.ORcpt = "rfc822;" + dsn.EncodeXtext(r.Address)
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

// whereOf is where the first of a list stands.
func whereOf(items []aliases.Item) string {
	if len(items) == 0 {
		return ""
	}
	return items[0].Where
}

// inWords is a list as a person writes it, as far as one wants to read it.
func inWords(items []aliases.Item) string {
	const most = 5
	var words []string
	for i, item := range items {
		if i == most {
			words = append(words, "…")
			break
		}
		mark := map[aliases.Kind]string{aliases.Mailbox: `\`, aliases.Program: "|", aliases.Include: ":include:"}[item.Kind]
		words = append(words, mark+item.Text)
	}
	if len(words) == 0 {
		return "nobody"
	}
	return strings.Join(words, ", ")
}
