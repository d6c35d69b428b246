package expand

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mailcrane/mta/aliases"
	"mailcrane/mta/names"
	"mailcrane/mta/route"
	"mailcrane/queue"
)

// A town is a server with aliases, users, lists and .forward files in memory. Its
// domain is here.example.
type town struct {
	aliases map[string]string // NAME to a list with commas
	lists   map[string]string // of :include:
	forward map[string]string // of users
	users   string            // with blanks
	virtual map[string]string // of the domain virtual.example
	unsafe  map[string]bool   // lists and users whose files name no programs
	away    map[string]bool   // names and files that cannot be asked for now
	luser   string            // LUSER_RELAY
	hub     bool              // MAIL_HUB, but for root
	read    int               // lists and .forward files that were opened
	letters []aliases.Letter
	// completed are the names that were asked to be completed.
	completed []string
}

func (w *town) Next(_ context.Context, _, recipient string) (route.Step, error) {
	i := strings.LastIndexByte(recipient, '@')
	user, domain := recipient, ""
	if i >= 0 {
		user, domain = recipient[:i], strings.ToLower(recipient[i+1:])
	}
	user = strings.Trim(user, `"`)
	switch domain {
	case "", "here.example":
		name, detail, _ := strings.Cut(user, "+")
		return route.Step{Kind: route.Mailbox, Address: user + "@here.example", User: name, Detail: detail}, nil
	case "virtual.example":
		if to, ok := w.virtual[user]; ok {
			return route.Step{Kind: route.Again, Address: to, Where: "/etc/mail/virtusertable:3", Why: "the virtusertable says so"}, nil
		}
		return route.Step{Kind: route.Again, Address: user}, nil
	case "closed.example":
		return route.Step{Kind: route.Refused, Reply: queue.Reply{Code: 550, Enhanced: "5.1.2", Text: "closed"}}, nil
	case "thrown.example":
		return route.Step{Kind: route.Discard}, nil
	case "account.example":
		return route.Step{Kind: route.Away, Account: "work", Address: recipient}, nil
	case "lost.example":
		return route.Step{}, errors.New("the mailertable cannot be asked")
	}
	return route.Step{Kind: route.Away, Hop: route.Hop{Mailer: route.ESMTP, Host: domain}, Plain: domain != "mapped", Address: recipient}, nil
}

// Complete implements names.Completer.
func (w *town) Complete(_ context.Context, host string) (string, error) {
	w.completed = append(w.completed, host)
	switch host {
	case "desk":
		return "here.example", nil
	case "hub":
		return "hub.far.example", nil
	case "top":
		return "top", nil
	case "away":
		return "", errors.New("no answer")
	}
	return "", names.ErrNone
}

func (w *town) Hub(s route.Step) (route.Step, bool) {
	to := route.Step{Kind: route.Away, Address: s.User + "@hub.example", Hop: route.Hop{Mailer: route.Relay, Host: "hub.example"}}
	return to, w.hub && s.User != "root"
}

func (w *town) Catches() bool { return w.luser != "" }

func (w *town) Unknown(_ context.Context, s route.Step) route.Step {
	if w.luser != "" && w.luser != s.User {
		return route.Step{Kind: route.Again, Address: w.luser, Why: "luser_relay takes the mail for names that are nobody's"}
	}
	return nobodyAtAll()
}

func (w *town) Lookup(_ context.Context, user, detail string) (items []aliases.Item, key string, ok bool, err error) {
	if w.away[user] {
		return nil, "", false, errors.New("the aliases cannot be asked")
	}
	user = strings.ToLower(user)
	keys := []string{user}
	if detail != "" {
		keys = []string{user + "+" + strings.ToLower(detail), user + "+*", user}
	}
	for _, key := range keys {
		if text, ok := w.aliases[key]; ok {
			items, _ := aliases.ParseList(text, "/etc/aliases")
			return items, key, true, nil
		}
	}
	return nil, "", false, nil
}

func (w *town) Owner(_ context.Context, key string) (owner string, ok bool, err error) {
	if w.away["owner-"+key] {
		return "", false, errors.New("the aliases cannot be asked")
	}
	key = "owner-" + key
	if strings.HasPrefix(key, "owner-owner-") {
		key = "owner-owner"
	}
	text, ok := w.aliases[key]
	if strings.ContainsAny(text, ",|/:") {
		text = key
	}
	return text, ok, nil
}

func (w *town) list(text, path, user string) *aliases.List {
	list := &aliases.List{Path: path, User: user, UID: 1000, Owned: true}
	list.Items, list.Wrong = aliases.ParseList(text, path)
	if w.unsafe[path] || w.unsafe[user] {
		list.Unsafe = "World writable directory"
	}
	return list
}

func (w *town) ReadInclude(_ context.Context, path string, as *aliases.User) (*aliases.List, error) {
	w.read++
	text, ok := w.lists[path]
	if reply := (queue.Reply{Code: 550, Enhanced: "5.2.4", Text: "Cannot open " + path}); !ok {
		if w.away[path] {
			reply.Code, reply.Enhanced = 451, "4.2.4"
		}
		return nil, &aliases.Fault{Reply: reply}
	}
	user := "lister"
	if as != nil {
		user = as.Name
	}
	list := w.list(text, path, user)
	list.Owned = path != "/lists/roots"
	return list, nil
}

func (w *town) Forward(_ context.Context, user aliases.User, letter aliases.Letter) (*aliases.List, bool, error) {
	w.read++
	w.letters = append(w.letters, letter)
	if w.away["/home/"+user.Name] {
		return nil, false, &aliases.Fault{Reply: queue.Reply{Code: 451, Enhanced: "4.4.1", Text: "/home/" + user.Name + "/.forward: Connection timed out: message queued"}}
	}
	text, ok := w.forward[user.Name]
	if !ok {
		return nil, false, nil
	}
	return w.list(text, "/home/"+user.Name+"/.forward", user.Name), true, nil
}

// people are the users of a town.
type people struct{ *town }

func (w people) Lookup(name string) (aliases.User, bool, error) {
	if w.away["user "+name] {
		return aliases.User{}, false, errors.New("the directory of users does not answer")
	}
	uid := uint32(1000)
	if name == "root" {
		uid = 0
	}
	return aliases.User{Name: name, UID: uid, Shell: "/bin/sh"}, slices.Contains(strings.Fields(w.users), name), nil
}

func (w people) LookupUID(uid uint32) (aliases.User, bool, error) {
	return aliases.User{Name: "lister", UID: uid, Shell: "/bin/sh"}, true, nil
}

func (w *town) expander() *Expander {
	return New(Options{Table: w, Aliases: w, Lists: w, Users: people{w}, Hostname: "here.example", MeToo: true})
}

// ask expands one recipient of a message from me@far.example.
func (w *town) ask(t *testing.T, to string) Answer {
	t.Helper()
	return ask(t, w.expander(), "me@far.example", to)[0]
}

func ask(t *testing.T, e *Expander, sender string, to ...string) []Answer {
	t.Helper()
	var all []Question
	for _, to := range to {
		all = append(all, Question{Sender: sender, Recipient: queue.Recipient{Address: to}})
	}
	answers, err := e.Expand(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

// words are destinations as a test writes them, in the order of the alphabet.
func words(a Answer) string {
	var all []string
	for _, d := range a.Destinations {
		text := d.Address + " by " + string(d.Route)
		switch {
		case d.Discard:
			text = "nobody"
		case d.Route == "":
			text = fmt.Sprintf("%d %s", d.Reply.Code, d.Reply.Enhanced)
		case d.Target != "":
			text = d.By + " " + d.Target
		case d.User != "":
			text = "mailbox " + d.User
			if d.Detail != "" {
				text += "+" + d.Detail
			}
		}
		if d.Owned {
			text += " from " + d.Owner
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// told is the story of an answer.
func told(a Answer) string {
	var text strings.Builder
	for _, l := range a.Story {
		text.WriteString(strings.Repeat("  ", l.Depth) + l.Text)
		if l.Where != "" {
			text.WriteString(" (" + l.Where + ")")
		}
		text.WriteString("\n")
	}
	return text.String()
}

// A trip is an address, and what it comes to.
type trip struct{ reason, to, want string }

func (w *town) travel(t *testing.T, trips []trip) {
	t.Helper()
	for _, c := range trips {
		a := w.ask(t, c.to)
		if got := words(a); got != c.want {
			t.Errorf("%s: %s comes to\n\t%s, not\n\t%s\n%s", c.reason, c.to, got, c.want, told(a))
		}
	}
}

// parsed is how many members a list has, and whether some are none.
func parsed(text string) (members int, wrong bool) {
	items, bad := aliases.ParseList(text, "")
	return len(items), len(bad) > 0
}
