// Package expand finds who gets a message: an address goes in, and comes out as
// the mailboxes, files, programs and next hops that aliases, lists and .forward
// make of it, with the story of how.
package expand

import "mailcrane/queue"

// A Question is one recipient of an envelope.
type Question struct {
	// Sender is the reverse-path.
	Sender    string
	Recipient queue.Recipient
}

// A Destination is one that gets the message.
type Destination struct {
	// Route is the door, or the account; "" where Reply says why there is none.
	Route queue.Route
	// Address is the recipient as the next hop hears it; for a mailbox user+detail,
	// with a domain.
	Address string
	// User and Detail are those of a mailbox. Target and By are as in local.Job.
	User, Detail, Target, By string
	// Owner is the reverse-path for the members of a list that has an owner, where
	// Owned says so: it may be the null one.
	Owner string
	Owned bool
	// Notify and ORcpt are what is left of the recipient's wishes (RFC 3461 section
	// 5.2.7).
	Notify, ORcpt string
	// Reply refuses it for good (5yz) or for now (4yz).
	Reply queue.Reply
	// Discard: nobody gets it, and nobody is told.
	Discard bool

	list string // the outermost list with an owner that it is on
}

// An Answer is what a recipient has come to.
type Answer struct {
	Destinations []Destination
	// Spread says that several stand in the place of the recipient, so that a wish
	// to hear of success is answered here; Listed that it was a list with an owner,
	// to which the message has been delivered.
	Spread, Listed bool
	Story          []Line

	straight bool // no alias, list or .forward leads to its destination
}

// A Line is one step of the story.
type Line struct {
	Depth int
	Text  string
	// Where is the line of a file or the option that says so, or "".
	Where string
}
