package route

import (
	"strings"

	"mailcrane/queue"
)

// A Hop is a door by which mail leaves the queue of a server: one of sendmail's
// mailers, and what it is to call. Its Route names it in the queue; no account's
// name looks like one.
type Hop struct {
	// Mailer is in lower case: see the constants.
	Mailer string
	// Host is as the mailertable writes it: a host, [host] for no MX, or a list
	// with commas (same preference) and colons (next preference); for Procmail the
	// file of rules; "" for the others.
	Host string
}

// The mailers. SMTP, ESMTP, SMTP8 and Relay differ in nothing that matters today;
// DSMTP leaves only when somebody asks for it.
const (
	SMTP     = "smtp"
	ESMTP    = "esmtp"
	SMTP8    = "smtp8"
	DSMTP    = "dsmtp"
	Relay    = "relay"
	Local    = "local"    // a mailbox, or a file or program of Recipient.Target
	Procmail = "procmail" // procmail:/etc/procmailrcs/host
	Sort     = "sort"     // a message whose recipients are still to be resolved
)

// Route is what the queue calls the hop: "esmtp:example.org".
func (h Hop) Route() queue.Route { return queue.Route(h.Mailer + ":" + h.Host) }

// Of is the hop of a route; false for an account.
func Of(r queue.Route) (Hop, bool) {
	mailer, host, ok := strings.Cut(string(r), ":")
	return Hop{mailer, host}, ok
}

// goesOn is how the reply begins of a recipient in whose place others stand.
const goesOn = "goes on as "

// GoesOn is the reply to a recipient that goes on as other messages, by their IDs.
func GoesOn(ids string) queue.Reply {
	return queue.Reply{Code: 250, Enhanced: "2.0.0", Text: goesOn + ids}
}

// WentOnAs are the messages as which a recipient goes on by what sorting has said;
// host is who answered, which is nobody there.
func WentOnAs(host, reply string) (ids string, ok bool) {
	if host != "" {
		return "", false
	}
	return strings.CutPrefix(reply, GoesOn("").String())
}

// WentOn says that a record tells of such a recipient: nobody has the message yet.
func WentOn(r queue.Record) bool {
	h, _ := Of(r.Route)
	return h.Mailer == Sort && r.Event == queue.Delivered.String() && strings.HasPrefix(r.Text, goesOn)
}

// MailerOf is sendmail's word for what a route leaves by: what sorting delivers
// itself is local, and an account is relayed by.
func MailerOf(r queue.Route) string {
	h, door := Of(r)
	switch {
	case !door:
		return Relay
	case h.Mailer == Sort:
		return Local
	}
	return h.Mailer
}

// Wire says that the hop is reached by SMTP over a network.
func (h Hop) Wire() bool {
	switch h.Mailer {
	case SMTP, ESMTP, SMTP8, DSMTP, Relay:
		return true
	}
	return false
}
