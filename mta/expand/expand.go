package expand

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mailcrane/mta/aliases"
	"mailcrane/mta/route"
	"mailcrane/queue"
)

// A Table says where an address goes next, as *route.Table does.
type Table interface {
	Next(ctx context.Context, sender, recipient string) (route.Step, error)
	Hub(mailbox route.Step) (route.Step, bool)
	Unknown(ctx context.Context, mailbox route.Step) route.Step
}

// Aliases are the aliases of a server. An error is temporary.
type Aliases interface {
	// Lookup is the items of a local name, and the key that has them: L+d, L+* or L.
	Lookup(ctx context.Context, user, detail string) (items []aliases.Item, key string, ok bool, err error)
	// Owner is the reverse-path of an alias's members, where owner-NAME is one.
	Owner(ctx context.Context, key string) (owner string, ok bool, err error)
}

// Files are the lists that an alias or a user names. An error is temporary, but for
// a *Refused.
type Files interface {
	Include(ctx context.Context, path string) (List, error)
	// Forward is the .forward of a user; false where there is none to go by.
	Forward(ctx context.Context, user aliases.User, detail string) (list List, found bool, err error)
}

// Users are those of this machine. An error is temporary.
type Users interface {
	Lookup(ctx context.Context, name string) (user aliases.User, ok bool, err error)
}

// A Refused is an error that waiting does not mend.
type Refused struct{ Reply queue.Reply }

func (r *Refused) Error() string { return r.Reply.String() }

// Options are what an Expander works with.
type Options struct {
	Table Table
	// Aliases and Files have nothing where they are nil.
	Aliases Aliases
	Files   Files
	Users   Users
	// Hostname is the server's own name; Admin is whom mail to postmaster goes to
	// where neither an alias nor root has it, "" nobody.
	Hostname, Admin string
	// MaxDepth is how deep aliases may refer to each other; 0 is ten. MeToo has a
	// sender who is on a list get a copy.
	MaxDepth int
	MeToo    bool
}

// An Expander may be used by several goroutines.
type Expander struct{ Options }

// New is an Expander.
func New(o Options) *Expander {
	if o.MaxDepth == 0 {
		o.MaxDepth = 10
	}
	if o.Aliases == nil {
		o.Aliases = nothing{}
	}
	if o.Files == nil {
		o.Files = nothing{}
	}
	return &Expander{o}
}

// nothing has no alias, and no file.
type nothing struct{}

func (nothing) Lookup(context.Context, string, string) ([]aliases.Item, string, bool, error) {
	return nil, "", false, nil
}

func (nothing) Owner(context.Context, string) (string, bool, error) { return "", false, nil }

func (nothing) Include(context.Context, string) (List, error) {
	return List{}, errors.New("no list can be read here")
}

func (nothing) Forward(context.Context, aliases.User, string) (List, bool, error) {
	return List{}, false, nil
}

// mostDestinations bounds those of one envelope.
const mostDestinations = queue.MaxRecipients

// Expand answers for all recipients of an envelope. None gets the message twice:
// what two of them come to counts for the first. An error says that it was called
// off.
func (e *Expander) Expand(ctx context.Context, all []Question) ([]Answer, error) {
	w := &walk{Expander: e, seen: make(map[string]bool)}
	answers := make([]Answer, len(all))
	for i, q := range all {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		w.sender, w.answer = q.Sender, &answers[i]
		w.address(ctx, q.Recipient.Address, branch{})
		answers[i].grant(q.Recipient)
	}
	return answers, nil
}

// errMany is what one envelope comes to that has no end.
var errMany = &Refused{queue.Reply{Code: 554, Enhanced: "5.4.6", Text: fmt.Sprintf("the recipients come to more than %d", mostDestinations)}}

// A walk is over one envelope.
type walk struct {
	*Expander
	sender string
	answer *Answer
	// seen are destinations, and names that were expanded.
	seen  map[string]bool
	count int
	// self is what the sender comes to, by the key of a destination; "" is not known
	// yet.
	self string
}

// A branch is how a name was come to.
type branch struct {
	depth int
	// names are the aliases and the users whose lists lead here.
	names []string
	// owned: the members of a list with an owner, whose reverse-path is owner.
	owned bool
	owner string
	// list is what has named it: as By of a Destination; refusal is why it must not
	// name programs and files, or "".
	list, refusal string
	// listed: an alias or a list leads here, for MeToo.
	listed bool
	// bare: the next name is a mailbox, without aliases or .forward.
	bare bool
}

func (b branch) has(name string) bool {
	for _, n := range b.names {
		if n == name {
			return true
		}
	}
	return false
}

// below is the branch of what a name leads to.
func (b branch) below(name string) branch {
	b.names = append(b.names[:len(b.names):len(b.names)], name)
	b.depth++
	return b
}

// address follows one address.
func (w *walk) address(ctx context.Context, text string, b branch) {
	if b.depth > w.MaxDepth {
		w.refuse(b, text, loops())
		return
	}
	step, err := w.Table.Next(ctx, w.sender, text)
	if err != nil {
		w.fail(b, text, err)
		return
	}
	w.step(ctx, text, step, b)
}

// step follows one step of the table.
func (w *walk) step(ctx context.Context, text string, s route.Step, b branch) {
	switch s.Kind {
	case route.Mailbox:
		w.name(ctx, text, s, b)
	case route.Again:
		w.tell(b, s.Where, "%s stands for %s: %s", text, s.Address, s.Why)
		b.depth++
		w.address(ctx, s.Address, b)
	case route.Away:
		to := s.Hop.Route()
		if s.Account != "" {
			to = queue.Route(s.Account)
		}
		w.tell(b, s.Where, "mail to %s goes by %s: %s", s.Address, to, s.Why)
		w.found(ctx, b, Destination{Route: to, Address: s.Address})
	case route.Refused:
		w.tell(b, s.Where, "%s is refused: %s", text, s.Reply)
		w.refuse(b, text, s.Reply)
	case route.Discard:
		w.tell(b, s.Where, "mail to %s is thrown away", text)
		w.add(Destination{Address: text, Discard: true})
	}
}

// name follows a local name: aliases, another machine that has it, a user.
func (w *walk) name(ctx context.Context, text string, s route.Step, b branch) {
	if b.depth == 0 && target(s.User) {
		w.refuse(b, text, queue.Reply{Code: 550, Enhanced: "5.7.1", Text: "Cannot mail directly to files, programs or lists"})
		return
	}
	items, key, ok, err := w.Aliases.Lookup(ctx, s.User, s.Detail)
	switch {
	case err != nil:
		w.fail(b, text, err)
	case ok && !b.bare && !b.has("alias:"+strings.ToLower(key)):
		w.alias(ctx, text, key, items, b)
	default:
		w.mailbox(ctx, text, s, b, ok)
	}
}

// target says that a local part looks like what only an alias may name.
func target(user string) bool {
	return strings.HasPrefix(user, "|") || strings.HasPrefix(user, "/") || strings.HasPrefix(strings.ToLower(user), ":include:")
}

// alias follows an alias.
func (w *walk) alias(ctx context.Context, text, key string, items []aliases.Item, b branch) {
	name := "alias:" + strings.ToLower(key)
	if w.seen[name] {
		w.tell(b, "", "%s was expanded before", text)
		return
	}
	w.seen[name] = true
	owner, owned, err := w.Aliases.Owner(ctx, key)
	if err != nil {
		w.seen[name] = false
		w.fail(b, text, err)
		return
	}
	w.tell(b, whereOf(items), "%s is an alias for %s", text, inWords(items))
	b = b.below(name)
	b.list, b.refusal, b.listed = name, "", true
	if owned {
		w.tell(b, "", "its members get it from %s, who hears of failures", owner)
		b.owned, b.owner = true, owner
		w.answer.Listed = true
	}
	w.items(ctx, items, b)
}

// items follows each of a list.
func (w *walk) items(ctx context.Context, items []aliases.Item, b branch) {
	for _, item := range items {
		if ctx.Err() != nil {
			return
		}
		w.item(ctx, item, b)
	}
}

func (w *walk) item(ctx context.Context, item aliases.Item, b branch) {
	switch item.Kind {
	case aliases.Address:
		b.bare = false
		w.address(ctx, item.Text, b)
	case aliases.Mailbox:
		b.bare = true
		w.address(ctx, item.Text, b)
	case aliases.Include:
		w.include(ctx, item, b)
	case aliases.File, aliases.Program:
		w.target(ctx, item, b)
	}
}

// target is a file or a program.
func (w *walk) target(ctx context.Context, item aliases.Item, b branch) {
	text := item.Text
	if item.Kind == aliases.Program {
		text = "|" + text
	}
	switch {
	case b.refusal != "":
		w.tell(b, item.Where, "%s is refused: %s", text, b.refusal)
		w.refuse(b, text, queue.Reply{Code: 550, Enhanced: "5.7.1", Text: b.refusal})
	case text == "/dev/null":
		w.tell(b, item.Where, "/dev/null is nobody")
		w.add(Destination{Address: text, Discard: true})
	default:
		w.tell(b, item.Where, "it goes to %s", text)
		w.found(ctx, b, Destination{Route: route.Hop{Mailer: route.Local}.Route(), Address: w.lastName(b), Target: text, By: b.list})
	}
}

// lastName is the address of the name whose list has named a file or a program.
func (w *walk) lastName(b branch) string {
	_, name, _ := strings.Cut(b.names[len(b.names)-1], ":")
	return name + "@" + w.Hostname
}

// include follows a list of :include:.
func (w *walk) include(ctx context.Context, item aliases.Item, b branch) {
	name := "include:" + item.Text
	if b.has(name) || b.depth > w.MaxDepth {
		w.refuse(b, ":include:"+item.Text, loops())
		return
	}
	list, err := w.Files.Include(ctx, item.Text)
	if err != nil {
		w.fail(b, ":include:"+item.Text, err)
		return
	}
	w.tell(b, list.Path, "the list %s has %d entries", item.Text, len(list.Items))
	b.names = append(b.names[:len(b.names):len(b.names)], name)
	b.depth++
	b.list, b.refusal = fmt.Sprintf("include:%d:%s", list.Owner, item.Text), refusalOf(list)
	w.items(ctx, list.Items, b)
}

func refusalOf(list List) string {
	switch {
	case list.Targets:
		return ""
	case list.Refusal != "":
		return list.Refusal
	}
	return "programs and files are not allowed in " + list.Path
}

// fail is an error of what was asked.
func (w *walk) fail(b branch, text string, err error) {
	if refused, ok := errors.AsType[*Refused](err); ok {
		w.tell(b, "", "%s is refused: %s", text, refused.Reply)
		w.refuse(b, text, refused.Reply)
		return
	}
	w.tell(b, "", "%s waits: %v", text, err)
	w.add(Destination{Address: text, Reply: queue.Reply{Code: 451, Enhanced: "4.3.0", Text: err.Error()}})
}

// refuse is one whom nobody has.
func (w *walk) refuse(b branch, text string, r queue.Reply) {
	to := Destination{Address: w.addressable(b, text), Reply: r}
	to.Owned, to.Owner = b.owned, b.owner
	w.add(to)
}

// addressable is text as an address that an envelope can hold.
func (w *walk) addressable(b branch, text string) string {
	if target(text) && len(b.names) > 0 {
		return w.lastName(b)
	}
	return text
}

func loops() queue.Reply {
	return queue.Reply{Code: 554, Enhanced: "5.4.6", Text: "aliasing/forwarding loop broken"}
}

// add takes a destination in.
func (w *walk) add(to Destination) {
	if w.count++; w.count > mostDestinations {
		if w.count == mostDestinations+1 {
			w.answer.Destinations = append(w.answer.Destinations, Destination{Address: to.Address, Reply: errMany.Reply})
		}
		return
	}
	w.answer.Destinations = append(w.answer.Destinations, to)
}

// tell adds a line to the story.
func (w *walk) tell(b branch, where, format string, args ...any) {
	const most = 1000 // lines, for a person
	if len(w.answer.Story) < most {
		w.answer.Story = append(w.answer.Story, Line{Depth: b.depth, Where: where, Text: fmt.Sprintf(format, args...)})
	}
}
