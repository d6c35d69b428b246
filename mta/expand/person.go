package expand

import (
	"context"
	"strings"

	"mailcrane/mta/aliases"
	"mailcrane/mta/route"
)

// person follows a local name that no alias stands for, or whose own alias has
// named it again.
func (w *walk) person(ctx context.Context, text string, s route.Step, b branch) {
	hub, ok, err := w.hub(s)
	switch {
	case b.bare:
	case err != nil:
		w.fail(b, text, err)
		return
	case ok:
		w.step(ctx, text, hub, b)
		return
	}
	user, ok, err := w.user(&s)
	switch {
	case err != nil:
		w.fail(b, text, err)
	case ok:
		w.deliver(ctx, user, s, b)
	default:
		w.nobody(ctx, text, s, b)
	}
}

// hub is the step to the hub of a local name that goes there. Where there is a place
// for the names that are nobody's, those that are no user's go to that, as sendmail's
// ruleset 5 has it, though the hub might know them.
func (e *Expander) hub(s route.Step) (hub route.Step, ok bool, err error) {
	if hub, ok = e.Table.Hub(s); !ok || !e.Table.Catches() || e.standIn(s.User) != "" {
		return hub, ok, nil
	}
	_, ok, err = e.user(&s)
	return hub, ok, err
}

// user is the one of a name, whose letters may be written large. Where the detail
// is left on the name, the user is who has the name without it.
func (e *Expander) user(s *route.Step) (user aliases.User, ok bool, err error) {
	name, detail, detailed := strings.Cut(s.User, "+")
	for _, name := range [...]string{s.User, strings.ToLower(s.User), name, strings.ToLower(name)} {
		if name == "" {
			continue
		}
		if user, ok, err = e.Users.Lookup(name); ok && detailed && len(name) < len(s.User) {
			s.Detail = detail
		}
		if ok || err != nil {
			break
		}
	}
	return user, ok, err
}

// nobody follows a name that is neither an alias nor a user. Postmaster, and from
// whom reports come, are always somebody (RFC 5321 section 4.5.1).
func (w *walk) nobody(ctx context.Context, text string, s route.Step, b branch) {
	step := nobodyAtAll()
	switch next := w.standIn(s.User); {
	case b.bare: // only an account will do
	case next != "":
		step = route.Step{Kind: route.Again, Address: next, Why: "nobody else has that name"}
	default:
		step = w.Table.Unknown(ctx, s)
	}
	b.chain = &link{up: b.chain, name: nameKey(s.User, s.Detail), step: &s}
	w.step(ctx, text, step, b)
}

// standIn is who gets the mail for a name that must be somebody's, "" for all other
// names.
func (e *Expander) standIn(user string) string {
	switch strings.ToLower(user) {
	case "mailer-daemon":
		return "postmaster"
	case "postmaster":
		return "root"
	case "root":
		return e.Admin
	}
	return ""
}

// deliver follows a user: .forward, or the mailbox.
func (w *walk) deliver(ctx context.Context, user aliases.User, s route.Step, b branch) {
	name := forwardKey(user.Name)
	if b.bare || b.chain.find(name) != nil || b.root && user.UID == 0 {
		w.mailbox(ctx, user, s, b)
		return
	}
	if w.again(name+" "+s.Detail, user.Name, b) {
		return
	}
	list, found, err := w.Lists.Forward(ctx, user, aliases.Letter{Detail: s.Detail, Sender: w.sender})
	switch {
	case err != nil:
		w.fail(b, s.Address, err)
		return
	case !found:
		w.mailbox(ctx, user, s, b)
		return
	}
	w.answer.tell(b.depth, whereOf(list.Items), "%s has a .forward: %s", user.Name, inWords(list.Items))
	b.chain = &link{up: b.chain, name: nameKey(s.User, s.Detail), step: &s}
	b.chain = &link{up: b.chain, name: name, step: &s}
	b.level++
	b.depth++
	b.by, b.user, b.address = "forward:"+user.Name, &user, s.Address
	w.list(ctx, list, b)
}

// mailbox is that of a user. Nothing is written as root, so that its mail is the
// administrator's.
func (w *walk) mailbox(ctx context.Context, user aliases.User, s route.Step, b branch) {
	if user.UID == 0 && w.Admin != "" && !b.root {
		w.answer.tell(b.depth, "", "%s has no mailbox of its own, so that %s gets it", user.Name, w.Admin)
		b.chain = &link{up: b.chain, name: nameKey(s.User, s.Detail), step: &s}
		b.depth++
		b.root, b.bare = true, false
		w.address(ctx, w.Admin, b)
		return
	}
	w.answer.tell(b.depth, "", "%s gets it in the mailbox", user.Name)
	w.found(b, Destination{Route: here, Address: s.Address, User: user.Name, Detail: s.Detail})
}

// isSender says that a name is the sender, who is on a list and wants no copy.
func (w *walk) isSender(ctx context.Context, key string, b branch) bool {
	if w.MeToo || w.sender == "" || w.self == "-" {
		return false
	}
	if w.self == "" {
		w.self = w.senderKey(ctx)
	}
	if key != w.self {
		return false
	}
	if b.level == 0 { // it is to the sender alone
		w.self = "-"
		return false
	}
	w.spared = true
	w.answer.tell(b.depth, "", "%s is the sender, who gets no copy", w.sender)
	return true
}

// senderKey is the key of what the sender's own address comes to, without aliases.
func (w *walk) senderKey(ctx context.Context) string {
	text := w.sender
	for range mostTurns {
		s, err := w.Table.Next(ctx, w.sender, text)
		switch {
		case err != nil:
			return "-"
		case s.Kind == route.Again:
			text = s.Address
			continue
		case s.Kind == route.Mailbox:
			return mailboxKey(s.User, s.Detail)
		case s.Kind == route.Away:
			d := Destination{Route: s.Hop.Route(), Address: s.Address}
			return d.key()
		}
		break
	}
	return "-"
}
