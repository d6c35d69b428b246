package expand

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/aliasfile"
	"mailcrane/mta/aliases"
	"mailcrane/mta/route"
	"mailcrane/queue"
)

// name follows a local name: aliases, another machine that has it, a user.
func (w *walk) name(ctx context.Context, text string, s route.Step, b branch) {
	if what := forbidden(s.User); what != "" {
		w.refuse(b, text, direct(what))
		return
	}
	if w.isSender(ctx, mailboxKey(s.User, s.Detail), b) {
		return
	}
	name := nameKey(s.User, s.Detail)
	own := b.own(name, s.User)
	if own != nil && s.Detail == "" {
		s.Detail, s.Address = own.Detail, own.Address
	}
	switch {
	case b.bare, own != nil:
		w.person(ctx, text, s, b)
	case b.chain.find(name) != nil:
		w.loop(ctx, text, name, b)
	case !w.again(name, text, b):
		w.lookUp(ctx, text, s, b)
	}
}

// forbidden says what a name would be that only an alias, a list or a .forward may
// name, and those not as an address; "" for all other names.
func forbidden(user string) string {
	switch {
	case strings.HasPrefix(user, "|"):
		return "programs"
	case strings.HasPrefix(user, "/"):
		return "files"
	case len(user) >= len(includeMark) && strings.EqualFold(user[:len(includeMark)], includeMark):
		return includeMark + "s"
	}
	return ""
}

const includeMark = ":include:"

// own is the name in whose own alias or .forward a name stands: there it is the
// mailbox. It is nil for all other names.
func (b *branch) own(name, user string) *route.Step {
	l := b.chain
	for l != nil && l.step == nil {
		l = l.up
	}
	if l == nil {
		return nil
	}
	key, detail, _ := strings.Cut(l.key, "+")
	if l.name == name || l.key != "" && nameKey(key, detail) == name || l.name == forwardKey(user) {
		return l.step
	}
	return nil
}

// lookUp asks the aliases.
func (w *walk) lookUp(ctx context.Context, text string, s route.Step, b branch) {
	items, key, ok, err := w.Aliases.Lookup(ctx, s.User, s.Detail)
	switch {
	case err != nil:
		w.fail(b, text, err)
	case ok:
		w.alias(ctx, text, key, s, items, b)
	default:
		w.person(ctx, text, s, b)
	}
}

// alias follows the members of an alias.
func (w *walk) alias(ctx context.Context, text, key string, s route.Step, items []aliases.Item, b branch) {
	owner, owned, err := w.Aliases.Owner(ctx, key)
	if err != nil {
		w.fail(b, text, err)
		return
	}
	w.answer.tell(b.depth, whereOf(items), "%s is an alias for %s", text, inWords(items))
	b.chain = &link{up: b.chain, name: nameKey(s.User, s.Detail), key: key, step: &s}
	b.level++
	b.depth++
	b.by, b.user, b.file, b.address = "alias:"+key, nil, nil, s.Address
	// A report without a sender stays without one: else it could come back to the
	// list for ever (RFC 5321 section 4.5.5).
	if owned && w.sender != "" {
		b.owned, b.owner = true, address.Qualify(owner, w.Hostname)
		if b.list == "" {
			b.list = key
		}
		w.answer.tell(b.depth, "", "they get it from %s, who hears of what fails", b.owner)
	}
	w.items(ctx, items, b)
}

// loop ends what leads back to a name: at the first of the names between that is a
// user, as sendmail has it. Where there is none, the name is dropped; if nothing
// else is left, recipient says so.
func (w *walk) loop(ctx context.Context, text, name string, b branch) {
	for l := b.chain; l != nil; l = l.up {
		if l.step != nil {
			user, ok, err := w.user(l.step)
			if err != nil {
				w.fail(b, text, err)
				return
			}
			if ok {
				w.answer.tell(b.depth, "", "%s leads back to itself, so that %s, who is a user, gets it", text, user.Name)
				w.deliver(ctx, user, *l.step, b)
				return
			}
		}
		if l.name == name {
			break
		}
	}
	w.looped = true
	w.answer.tell(b.depth, "", "%s leads back to itself, and is dropped", text)
}

// include follows a list of :include:.
func (w *walk) include(ctx context.Context, item aliases.Item, b branch) {
	w.left--
	text, name := includeMark+item.Text, "include "+item.Text
	switch {
	case b.chain.find(name) != nil:
		w.looped = true
		w.answer.tell(b.depth, item.Where, "the list %s includes itself, and is dropped", item.Text)
		return
	case b.level >= w.MaxDepth:
		w.refuse(b, text, loops(fmt.Sprintf(" (%d aliases deep; %d max)", b.level+1, w.MaxDepth)))
		return
	}
	if w.again(name+" "+namer(b.by), text, b) {
		return
	}
	list, err := w.Lists.ReadInclude(ctx, item.Text, b.user)
	if err != nil {
		w.fail(b, text, err)
		return
	}
	w.answer.tell(b.depth, item.Where, "the list %s has %s", item.Text, inWords(list.Items))
	if b.user == nil && list.Owned {
		user, ok, err := w.Users.LookupUID(list.UID)
		if err != nil {
			w.fail(b, text, err)
			return
		}
		if !ok {
			user = aliases.User{UID: list.UID, Shell: "/nonexistent"}
		}
		b.user, b.by = &user, fmt.Sprintf("include:%d:%s", list.UID, item.Text)
	}
	b.chain = &link{up: b.chain, name: name}
	b.level++
	b.depth++
	w.list(ctx, list, b)
}

// list follows what stands in a file. What is no destination is refused alone.
func (w *walk) list(ctx context.Context, list *aliases.List, b branch) {
	b.file = list
	w.items(ctx, list.Items, b)
	for _, wrong := range list.Wrong {
		if w.left--; w.left < 0 {
			return
		}
		text, why, where := list.Path, wrong.Error(), ""
		if e, ok := errors.AsType[*aliasfile.Error](wrong); ok {
			text, why, where = e.Text, e.Why, e.Where
		}
		w.refuseAt(b, address.Shown(text), queue.Reply{Code: 553, Enhanced: "5.1.3", Text: why}, where)
	}
}
