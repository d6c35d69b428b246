package expand

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/mta/aliases"
	"mailcrane/mta/names"
	"mailcrane/mta/route"
	"mailcrane/queue"
)

// A walk is over what one recipient comes to.
type walk struct {
	*Expander
	sender string
	answer *Answer
	// seen are names that were expanded, and destinations.
	seen map[string]bool
	// left is how many names may still be come to.
	left int
	// looped: a name led back to itself. spared: the sender was left out.
	looped, spared bool
	// self is the key of what the sender's own address comes to, once it was asked
	// for.
	self string
}

// A branch is how a name was come to.
type branch struct {
	// depth is that of the story, level how many aliases and lists lead here, turns
	// how often the table has put another address in the place of one.
	depth, level, turns int
	chain               *link
	// owned: the members of a list with an owner, whose reverse-path is owner. list
	// is the outermost of such lists.
	owned       bool
	owner, list string
	// by has named it, as By of a Destination; user is whose list it is, nil for an
	// alias, and file that list.
	by   string
	user *aliases.User
	file *aliases.List
	// address is that of the name whose list it is in.
	address string
	// bare: the next name is a mailbox, without aliases or .forward.
	bare bool
	// root: it was for root's mailbox, and goes to the administrator.
	root bool
}

// A link is one of the names, and the lists, that lead to another.
type link struct {
	up *link
	// name is what is expanded: see nameKey and forwardKey.
	name string
	// key is the alias that has the name; step is the local name, nil for a file.
	key  string
	step *route.Step
}

func (l *link) find(name string) *link {
	for ; l != nil; l = l.up {
		if l.name == name {
			return l
		}
	}
	return nil
}

// nameKey is the same for names that aliases do not tell apart; forwardKey is that
// of a user's .forward.
func nameKey(user, detail string) string { return "name " + strings.ToLower(user+"+"+detail) }
func forwardKey(user string) string      { return "forward " + strings.ToLower(user) }

// recipient follows the recipient itself.
func (w *walk) recipient(ctx context.Context, text string) {
	b := branch{}
	if name, ok := strings.CutPrefix(text, `\`); ok {
		text, b.bare = name, true
	}
	w.address(ctx, text, b)
	a := w.answer
	if len(a.Destinations) > 0 {
		return
	}
	d := Destination{Address: text}
	switch {
	case w.looped:
		d.Reply = loops("")
	case w.spared:
		d.Discard = true
	default:
		d.Reply = queue.Reply{Code: 550, Enhanced: "5.2.4", Text: "the list has no members"}
	}
	if !d.Discard {
		a.tell(0, "", "%s is refused: %s", text, d.Reply)
	}
	a.Destinations = append(a.Destinations, d)
}

// again says that a name, or a file, was expanded before.
func (w *walk) again(key, text string, b branch) bool {
	if w.seen[key] {
		w.answer.tell(b.depth, "", "%s was expanded before", text)
		return true
	}
	w.seen[key] = true
	return false
}

// mostTurns is how often the table may put one address in the place of another.
const mostTurns = 10

// address follows one address.
func (w *walk) address(ctx context.Context, text string, b branch) {
	if w.left--; w.left < 0 || ctx.Err() != nil {
		return
	}
	if b.level > w.MaxDepth {
		w.refuse(b, text, loops(fmt.Sprintf(" (%d aliases deep; %d max)", b.level, w.MaxDepth)))
		return
	}
	step, err := w.Table.Next(ctx, w.sender, text)
	if err != nil {
		w.fail(b, text, err)
		return
	}
	if step.Short() && w.Names != nil {
		if step, err = w.completed(ctx, step); err != nil {
			w.fail(b, text, err)
			return
		}
	}
	w.step(ctx, text, step, b)
}

// completed is the step of an address whose domain has no dot: again, with the whole
// name, where the name service has one (sendmail's $[ … $]).
func (w *walk) completed(ctx context.Context, s route.Step) (route.Step, error) {
	short := s.Hop.Host
	whole, err := w.Names.Complete(ctx, short)
	switch {
	case errors.Is(err, names.ErrNone):
		return s, nil
	case err != nil:
		return s, fmt.Errorf("%s is to be completed, and the name service does not answer: %w", short, err)
	case strings.EqualFold(whole, short):
		return s, nil
	}
	local, _ := address.Split(s.Address)
	return route.Step{Kind: route.Again, Address: local + "@" + whole, Why: "the name service completes " + short}, nil
}

// step follows one step of the table.
func (w *walk) step(ctx context.Context, text string, s route.Step, b branch) {
	switch s.Kind {
	case route.Mailbox:
		w.name(ctx, text, s, b)
	case route.Again:
		w.standsFor(ctx, text, s, b)
	case route.Away:
		w.away(ctx, s, b)
	case route.Refused:
		w.refuseAt(b, text, s.Reply, s.Where)
	case route.Discard:
		w.answer.tell(b.depth, s.Where, "mail to %s is thrown away", text)
		w.add(Destination{Address: text, Discard: true})
	}
}

// standsFor follows the address that the table puts in the place of one.
func (w *walk) standsFor(ctx context.Context, text string, s route.Step, b branch) {
	w.answer.tell(b.depth, s.Where, "%s stands for %s: %s", text, s.Address, s.Why)
	b.depth++
	b.bare = false
	if b.turns++; b.turns > mostTurns {
		w.refuse(b, text, loops(""))
		return
	}
	w.address(ctx, s.Address, b)
}

// away is an address that leaves this machine.
func (w *walk) away(ctx context.Context, s route.Step, b branch) {
	d := Destination{Route: s.Hop.Route(), Address: s.Address}
	if s.Account != "" {
		d.Route = queue.Route(s.Account)
	}
	if w.isSender(ctx, d.key(), b) {
		return
	}
	w.answer.tell(b.depth, s.Where, "%s", departure(s))
	w.found(b, d)
}

// items follows each of a list.
func (w *walk) items(ctx context.Context, items []aliases.Item, b branch) {
	for _, item := range items {
		if w.left < 0 || ctx.Err() != nil {
			return
		}
		w.item(ctx, item, b)
	}
}

func (w *walk) item(ctx context.Context, item aliases.Item, b branch) {
	b.bare = item.Kind == aliases.Mailbox
	switch item.Kind {
	case aliases.Address, aliases.Mailbox:
		w.address(ctx, item.Text, b)
	case aliases.Include:
		w.include(ctx, item, b)
	case aliases.File, aliases.Program:
		w.target(item, b)
	}
}

// target is a file or a program.
func (w *walk) target(item aliases.Item, b branch) {
	w.left--
	text := item.Text
	if item.Kind == aliases.Program {
		text = "|" + text
	}
	if b.file != nil {
		if reply, refused := b.file.Refusal(item.Kind, b.address, w.Hostname); refused {
			w.refuseAt(b, text, reply, item.Where)
			return
		}
	}
	if item.Kind == aliases.File && text == "/dev/null" {
		w.answer.tell(b.depth, item.Where, "/dev/null is nobody: a copy is thrown away")
		w.add(Destination{Address: b.address, Discard: true})
		return
	}
	what := "the file " + text
	if item.Kind == aliases.Program {
		what = "the program " + item.Text
	}
	w.answer.tell(b.depth, item.Where, "%s gets it", what)
	w.found(b, Destination{Route: here, Address: b.address, Target: text, By: b.by})
}

// here is the door to the mailboxes of this machine.
var here = route.Hop{Mailer: route.Local}.Route()

// fail is an error of what was asked.
func (w *walk) fail(b branch, text string, err error) {
	if fault, ok := errors.AsType[*aliases.Fault](err); ok {
		w.refuse(b, text, fault.Reply)
		return
	}
	w.refuse(b, text, queue.Reply{Code: 451, Enhanced: "4.3.0", Text: err.Error()})
}

// refuse is one whom nobody has, or for whom nobody knows now.
func (w *walk) refuse(b branch, text string, r queue.Reply) { w.refuseAt(b, text, r, "") }

func (w *walk) refuseAt(b branch, text string, r queue.Reply, where string) {
	verb := "is refused"
	if r.Code/100 == 4 {
		verb = "has to wait"
	}
	w.answer.tell(b.depth, where, "%s %s: %s", text, verb, r)
	d := Destination{Address: text, Reply: r, Owned: b.owned, Owner: b.owner, list: b.list}
	if b.address != "" && address.Valid(address.Qualify(text, w.Hostname)) != nil {
		d.Address = b.address // an envelope holds only addresses
		d.Reply.Text = text + ": " + r.Text
	}
	w.add(d)
}

func loops(more string) queue.Reply {
	return queue.Reply{Code: 554, Enhanced: "5.4.6", Text: "aliasing/forwarding loop broken" + more}
}

// found takes a destination in, unless it has the message already.
func (w *walk) found(b branch, d Destination) {
	key := d.key()
	if w.seen[key] {
		w.answer.tell(b.depth, "", "%s has it already", d.shown())
		return
	}
	w.seen[key] = true
	d.Owned, d.Owner, d.list = b.owned, b.owner, b.list
	w.answer.straight = b.level == 0
	w.add(d)
}

func (w *walk) add(d Destination) { w.answer.Destinations = append(w.answer.Destinations, d) }
