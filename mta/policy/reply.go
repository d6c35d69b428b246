package policy

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/visible"
	"mailcrane/mta/access"
)

// mostShown bounds what a client has said in a reply to it, in octets: with
// twice that, a line stays below the 512 of RFC 5321 section 4.5.3.1.5.
const mostShown = 150

// refuse is a Verdict with a reply; status is x.y.z, in three numbers.
func refuse(code int, status [3]int, text string) Verdict {
	return Verdict{Refusal: &smtp.SMTPError{Code: code, EnhancedCode: status, Message: text}}
}

// Answered is the Verdict of routing about a recipient: a reply, with its enhanced
// status, which refuses where its code is 400 or more, and where what says so
// stands.
func Answered(code int, enhanced, text, where string) Verdict {
	if code < 400 {
		return Verdict{}
	}
	var status [3]int
	if _, err := fmt.Sscanf(enhanced, "%d.%d.%d", &status[0], &status[1], &status[2]); err != nil {
		status = [3]int{code / 100, 0, 0}
	}
	v := refuse(code, status, text)
	v.Where = where
	return v
}

// unknown is the reply where something could not be looked up, for a cause that
// will pass: sendmail's words.
func unknown() Verdict {
	return refuse(451, [3]int{4, 3, 0}, "Temporary system failure. Please try again later.")
}

// in is v with the rule that was asked, unless it was another's, about an
// address.
func (v Verdict) in(rule, address string) Verdict {
	v.Rule, v.Arg1 = cmp.Or(v.Rule, rule), "<"+address+">"
	return v
}

// about puts before a refusal what it is about, as sendmail's replies to MAIL and
// RCPT have it: those whose code is of a mailbox, and no others.
func (v Verdict) about() Verdict {
	if v.Refusal == nil || v.Refusal.Code != 450 && v.Refusal.Code != 550 && v.Refusal.Code != 553 {
		return v
	}
	reply := *v.Refusal
	reply.Message = visible.Line(v.Arg1, mostShown) + "... " + reply.Message
	v.Refusal = &reply
	return v
}

// with is v, with what an earlier verdict has said of the message, unless v
// refuses it.
func (v Verdict) with(earlier Verdict) Verdict {
	if v.Refusal != nil {
		return v
	}
	if !v.marked() && (earlier.marked() || v.Where == "") {
		v.Rule, v.Where = cmp.Or(earlier.Rule, v.Rule), cmp.Or(earlier.Where, v.Where)
	}
	v.Discard = v.Discard || earlier.Discard
	v.Quarantine = cmp.Or(v.Quarantine, earlier.Quarantine)
	return v
}

// marked says that the message is taken, and not delivered as others are.
func (v Verdict) marked() bool { return v.Discard || v.Quarantine != "" }

// ends says that no test is to follow.
func (v Verdict) ends() bool { return v.Refusal != nil || v.marked() }

// said is what an entry of the access map comes to that does not take the client;
// rejected is the reply of REJECT.
func said(e access.Entry, rejected Verdict) Verdict {
	var v Verdict
	switch e.Verb {
	case access.Reject:
		v = rejected
	case access.Discard:
		v.Discard = true
	case access.Quarantine:
		v.Quarantine = cmp.Or(strings.TrimSpace(e.Text), "by the access map")
	case access.Error:
		code, status := e.Code, e.Status
		if code < 400 || code > 599 {
			code = 553
		}
		if status[0] == 0 {
			status = [3]int{code / 100, 0, 0}
		}
		v = refuse(code, status, e.Text)
	default:
		return v
	}
	v.Where = e.Where
	return v
}
