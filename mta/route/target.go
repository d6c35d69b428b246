package route

import (
	"fmt"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/mta/access"
	"mailcrane/queue"
)

// A target is where an entry or an option sends mail.
type target struct {
	config.NextHop
	reply queue.Reply // of error:
	where string
}

// parse reads [MAILER:]HOST and the other values of a mailertable.
func (t *Table) parse(value string) (to target, warning string, err error) {
	if to.NextHop, err = config.ParseNextHop(value); err != nil {
		return to, "", err
	}
	switch to.Mailer {
	case "error":
		to.reply, warning, err = errorReply(to.Error, ":")
	case "account":
		if t.parts.Config.Account(to.Host) == nil {
			err = fmt.Errorf("there is no [account.%s]", address.Shown(to.Host))
		}
	}
	return to, warning, err
}

// away is the step to a target that is reached by a hop, for a recipient. The
// literal user of mailer:user@host takes its place.
func (to *target) away(recipient string) Step {
	s := Step{Kind: Away, Address: recipient, Where: to.where}
	if to.Mailer == "account" {
		s.Account = to.Host
		return s
	}
	s.Hop = Hop{to.Mailer, to.Host}
	if to.User != "" {
		s.Address = to.User + "@" + firstHost(to.NextHop)
	}
	return s
}

// firstHost is the host of a list that stands in an address.
func firstHost(n config.NextHop) string {
	word := n.Hosts()[0][0]
	if host, port, _ := config.HostPort(word); port != "" {
		return "[" + host + "]"
	}
	return word
}

// keywords are those of error:keyword, with the status of their exit code.
var keywords = [...][2]string{
	{"usage", "5.5.4"},
	{"nouser", "5.1.1"},
	{"nohost", "5.1.2"},
	{"unavailable", "5.0.0"},
	{"software", "5.3.0"},
	{"tempfail", "4.3.0"},
	{"protocol", "5.5.0"},
	{"config", "5.3.5"},
}

// errorReply reads what stands behind error: x.y.z:nnn text, nnn text, and a
// keyword, which after divides from the rest: a colon in the mailertable, a blank
// in the virtusertable.
func errorReply(text, after string) (r queue.Reply, warning string, err error) {
	if head, rest, ok := strings.Cut(text, after); ok {
		for _, k := range keywords {
			if strings.EqualFold(strings.Trim(head, `" `), k[0]) {
				text = k[1] + ":" + strings.TrimSpace(rest)
			}
		}
	}
	e, warning, err := access.ParseError(text)
	if err != nil {
		return r, "", err
	}
	if e.Status[0] != e.Code/100 {
		e.Status = [3]int{e.Code / 100, 0, 0}
	}
	return queue.Reply{Code: e.Code, Enhanced: fmt.Sprintf("%d.%d.%d", e.Status[0], e.Status[1], e.Status[2]), Text: e.Text}, warning, nil
}

// filledAddress is filled for an address, whose local part is put in quotes where
// what has come into it wants them: it came without, and a stranger has chosen it.
func filledAddress(value string, args ...string) string {
	whole := filled(value, args...)
	if address.Valid(address.Qualify(whole, "x")) == nil || value == "" || value[0] == '"' || strings.Contains(value, ":") {
		return whole
	}
	local, domain := value, ""
	if at := strings.LastIndexByte(value, '@'); at > 0 {
		local, domain = value[:at], value[at:]
	}
	if local = filled(local, args...); local == "" {
		return whole
	}
	return address.Quote(local) + filled(domain, args...)
}

// filled is a value with %1, %2, … replaced, as sendmail's maps have it: %0 and
// what there is nothing for are nothing, %% is a percent sign.
func filled(value string, args ...string) string {
	if !strings.Contains(value, "%") {
		return value
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c != '%' || i+1 == len(value) {
			b.WriteByte(c)
			continue
		}
		i++
		switch d := value[i]; {
		case d == '%':
			b.WriteByte('%')
		case d < '0' || d > '9':
			b.WriteByte('%')
			b.WriteByte(d)
		case int(d-'0') <= len(args) && d != '0':
			b.WriteString(args[d-'1'])
		}
	}
	return b.String()
}
