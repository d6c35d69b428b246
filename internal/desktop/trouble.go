package desktop

import (
	"fmt"
	"time"

	"mailcrane/internal/visible"
)

// A Trouble is why mail of an account cannot go.
type Trouble uint8

// The troubles of an account.
const (
	Unknown Trouble = iota // nothing is known that a person should hear, or that all is well again
	Well                   // its server lets us in
	Login                  // it wants a log-in, or has refused the one there is
	Broken                 // something else that a person must mend
	Portal                 // a captive portal stands in the way
)

// kinds are the words of causes in the file; they stay.
var kinds = [...]string{"", "", "login", "broken", "portal"}

// kindToken is that of a log-in that ends, once for each end.
const kindToken = "token"

// cause is one cause: an account and a kind of fault. A portal stands in the
// way of all accounts.
func (t Trouble) cause(account string) string {
	if t == Portal {
		return kinds[t]
	}
	return kinds[t] + " " + account
}

// troubleNotice is what a person is told. Nothing in it says who writes to whom.
func (h *Herald) troubleNotice(t Trouble, account, page string) Notice {
	of := " of account " + visible.Line(account, 64)
	if h.Private {
		of = ""
	}
	n := Notice{Cause: t.cause(account), Urgency: Critical}
	switch t {
	case Login:
		n.Title = "Mail waits for you to log in"
		n.Body = fmt.Sprintf("Mail%s cannot be sent until you log in. It is safe, and goes by itself after that. Type in a terminal: mailcrane login %s", of, visible.Line(account, 64))
		n.add("login", "Log in", h.Do.Login, account)
	case Portal:
		n.Title, n.Urgency = "Mail waits behind a login page", Normal
		n.Body = "This network wants you to log in on its page first. Mail is safe, and goes by itself after that."
		if page != "" {
			n.add("login", "Log in", h.Do.Page, page)
		}
	default:
		n.Title = "Mail cannot be sent"
		n.Body = fmt.Sprintf("Mail%s waits until you have mended something. It is safe. To see what it is, type in a terminal: mailcrane status", of)
	}
	n.add("show", "Show", h.Do.Show, "")
	return n
}

// add adds a button, where there is something that it can do.
func (n *Notice) add(key, label string, do func(string), with string) {
	if do != nil {
		n.Actions = append(n.Actions, Action{Key: key, Label: label, Do: func() { do(with) }})
	}
}

// The happenings that are told together with others of a moment.
const (
	causeRefused = "refused"
	causeLate    = "late"
	causeGone    = "gone"
)

// happenedNotice is what is told of so many messages.
func (h *Herald) happenedNotice(cause string, n int) Notice {
	notice := Notice{Cause: cause, Urgency: Normal}
	switch cause {
	case causeRefused:
		notice.Urgency = Critical
		notice.Title = many(n, "A message was refused", "%d messages were refused")
		notice.Body = many(n, "It will not be delivered; the report in your mailbox says why.", "They will not be delivered; the reports in your mailbox say why.")
	case causeLate:
		notice.Title = many(n, "A message is late", "%d messages are late")
		notice.Body = "Nothing is lost: mailcrane goes on trying. To see what it waits for, type in a terminal: mailcrane queue"
	case causeGone:
		notice.Urgency = Low
		notice.Title = many(n, "A message that waited has gone", "%d messages that waited have gone")
	}
	if cause != causeGone {
		notice.add("show", "Show", h.Do.Show, "")
	}
	return notice
}

func many(n int, one, more string) string {
	if n == 1 || more == "" {
		return one
	}
	if more[0] == '%' {
		return fmt.Sprintf(more, n)
	}
	return more
}

func (h *Herald) tokenNotice(account string, ends time.Time) Notice {
	of := " of account " + visible.Line(account, 64)
	if h.Private {
		of = ""
	}
	n := Notice{
		Cause: kindToken + " " + account + " " + ends.UTC().Format(time.DateOnly), Title: "Your log-in for mail ends soon", Urgency: Normal,
		Body: fmt.Sprintf("The log-in%s ends on %s. Renew it before that, and no mail has to wait. Type in a terminal: mailcrane login %s",
			of, ends.Local().Format("2 January 15:04"), visible.Line(account, 64)),
	}
	n.add("login", "Log in", h.Do.Login, account)
	return n
}
