package expand

import (
	"fmt"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/visible"
	"mailcrane/mta/aliases"
	"mailcrane/mta/route"
)

// The bounds of a story, which is for a person: its lines, and the octets of one.
const (
	mostLines = 1000
	mostWords = 1000
)

// tell adds a line to the story.
func (a *Answer) tell(depth int, where, format string, args ...any) {
	if len(a.Story) < mostLines {
		a.Story = append(a.Story, Line{Depth: depth, Where: where, Text: visible.Line(fmt.Sprintf(format, args...), mostWords)})
	}
}

// departure says how mail leaves this machine.
func departure(s route.Step) string {
	text := fmt.Sprintf("mail for %s goes by %s", s.Address, strings.TrimSuffix(string(s.Hop.Route()), ":"))
	switch domain := address.Domain(s.Address); {
	case s.Account != "":
		text = fmt.Sprintf("mail for %s goes by the account %s", s.Address, s.Account)
	case s.Hop.Wire() && strings.EqualFold(s.Hop.Host, domain):
		text = fmt.Sprintf("mail for %s goes to the mail exchangers of %s", s.Address, domain)
	case s.Hop.Wire():
		text = fmt.Sprintf("mail for %s goes to %s", s.Address, s.Hop.Host)
	}
	if s.Why != "" {
		text += ": " + s.Why
	}
	return text
}

// shown is a destination in words.
func (d *Destination) shown() string {
	switch {
	case d.Target != "":
		return d.Target
	case d.User != "":
		return "the mailbox of " + d.User
	}
	return d.Address
}

// key is the same for what would be the same delivery, "" where there is none.
func (d *Destination) key() string {
	switch {
	case d.Route == "":
		return ""
	case d.Target != "":
		return "target " + namer(d.By) + " " + d.Target
	case d.User != "":
		return mailboxKey(d.User, d.Detail)
	}
	return "to " + string(d.Route) + " " + address.Key(d.Address)
}

// namer is in whose name a file or a program is: all aliases have one user.
func namer(by string) string {
	kind, who, _ := strings.Cut(by, ":")
	switch kind {
	case "alias":
		return kind
	case "include":
		who, _, _ = strings.Cut(who, ":")
	}
	return kind + ":" + who
}

func mailboxKey(user, detail string) string { return "user " + strings.ToLower(user) + "+" + detail }

// whereOf is where the first of a list stands.
func whereOf(items []aliases.Item) string {
	if len(items) == 0 {
		return ""
	}
	return items[0].Where
}

// inWords is a list as a person writes it, as far as one wants to hear it.
func inWords(items []aliases.Item) string {
	const most = 5
	if len(items) == 0 {
		return "nobody"
	}
	words := make([]string, 0, most)
	for _, item := range items[:min(len(items), most)] {
		mark := map[aliases.Kind]string{aliases.Mailbox: `\`, aliases.Program: "|", aliases.Include: includeMark}[item.Kind]
		words = append(words, mark+item.Text)
	}
	text := strings.Join(words, ", ")
	if more := len(items) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
