package expand

import (
	"context"
	"strings"

	"mailcrane/mta/aliases"
	"mailcrane/mta/route"
)

// mailbox follows a local name that no alias stands for, or that its own alias has
// named again: there aliased is true.
func (w *walk) mailbox(ctx context.Context, text string, s route.Step, b branch, aliased bool) {
	if hub, ok := w.Table.Hub(s); ok && !b.bare {
		w.step(ctx, text, hub, b)
		return
	}
	user, ok, err := w.user(ctx, &s)
	switch {
	case err != nil:
		w.fail(b, text, err)
	case ok:
		w.deliver(ctx, user, s, b)
	case aliased:
		w.tell(b, "", "%s leads back to itself, and is no user", text)
		w.refuse(b, text, loops())
	default:
		w.nobody(ctx, text, s, b)
	}
}

// user is the one of a name, whose letters may be written large.
func (w *walk) user(ctx context.Context, s *route.Step) (user aliases.User, ok bool, err error) {
	user, ok, err = w.Users.Lookup(ctx, s.User)
	if lower := strings.ToLower(s.User); !ok && err == nil && lower != s.User {
		user, ok, err = w.Users.Lookup(ctx, lower)
	}
	return user, ok, err
}

// nobody follows a name that is neither an alias nor a user. Postmaster, and from
// whom reports come, are always somebody (RFC 5321 section 4.5.1).
func (w *walk) nobody(ctx context.Context, text string, s route.Step, b branch) {
	switch name := strings.ToLower(s.User); {
	case (name == "postmaster" || name == "mailer-daemon") && !b.has("name:"+name):
		next := "root"
		if name == "mailer-daemon" {
			next = "postmaster"
		}
		w.tell(b, "", "%s is nobody's, so that %s has it", text, next)
		w.address(ctx, next, b.below("name:"+name))
	case name == "root" && w.Admin != "" && !b.has("name:root"):
		w.tell(b, "", "root is nobody's, so that %s has it", w.Admin)
		w.address(ctx, w.Admin, b.below("name:root"))
	default:
		b.depth++
		w.step(ctx, text, w.Table.Unknown(ctx, s), b)
	}
}

// deliver follows a user: .forward, or the mailbox.
func (w *walk) deliver(ctx context.Context, user aliases.User, s route.Step, b branch) {
	name := "forward:" + user.Name
	if b.bare || b.has(name) {
		w.own(ctx, user, s, b)
		return
	}
	if w.seen[name] {
		w.tell(b, "", "%s was expanded before", s.Address)
		return
	}
	list, found, err := w.Files.Forward(ctx, user, s.Detail)
	switch {
	case err != nil:
		w.fail(b, s.Address, err)
		return
	case !found || len(list.Items) == 0:
		w.own(ctx, user, s, b)
		return
	}
	w.seen[name] = true
	w.tell(b, list.Path, "%s has a .forward: %s", user.Name, inWords(list.Items))
	b = b.below(name)
	b.list, b.refusal = name, refusalOf(list)
	w.items(ctx, list.Items, b)
}

// own is the mailbox of a user.
func (w *walk) own(ctx context.Context, user aliases.User, s route.Step, b branch) {
	w.tell(b, "", "it goes to the mailbox of %s", user.Name)
	w.found(ctx, b, Destination{Route: route.Hop{Mailer: route.Local}.Route(), Address: s.Address, User: user.Name, Detail: s.Detail})
}

// found takes a destination in, unless it has the message already, or is the sender
// who is on a list and wants none.
func (w *walk) found(ctx context.Context, b branch, to Destination) {
	key := to.key()
	if w.seen[key] {
		w.tell(b, "", "%s has it already", to.Address)
		return
	}
	if !w.MeToo && b.listed && key == w.senderKey(ctx) {
		w.tell(b, "", "%s is the sender, who gets no copy", to.Address)
		return
	}
	w.seen[key] = true
	to.Owned, to.Owner = b.owned, b.owner
	w.add(to)
}

// key is the same for what would be the same delivery.
func (d *Destination) key() string {
	switch {
	case d.Target != "":
		return "target " + d.By + " " + d.Target
	case d.User != "":
		return "user " + d.User + "+" + strings.ToLower(d.Detail)
	}
	at := strings.LastIndexByte(d.Address, '@') + 1
	return "to " + string(d.Route) + " " + d.Address[:at] + strings.ToLower(d.Address[at:])
}

// senderKey is the key of what the sender's own address comes to, one step far.
func (w *walk) senderKey(ctx context.Context) string {
	if w.self != "" {
		return w.self
	}
	w.self = "nobody"
	if w.sender == "" {
		return w.self
	}
	s, err := w.Table.Next(ctx, w.sender, w.sender)
	switch {
	case err != nil:
	case s.Kind == route.Mailbox:
		d := Destination{User: s.User, Detail: s.Detail}
		w.self = d.key()
	case s.Kind == route.Away:
		d := Destination{Route: s.Hop.Route(), Address: s.Address}
		w.self = d.key()
	}
	return w.self
}
