package expand

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mailcrane/mta/aliases"
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
	unsafe  map[string]bool   // lists and users whose files name no programs
	away    map[string]bool   // names whose alias cannot be asked for
	luser   string
	read    int // lists and .forward files that were opened
}

func (w *town) Next(_ context.Context, _, recipient string) (route.Step, error) {
	user, domain, _ := strings.Cut(recipient, "@")
	switch domain {
	case "", "here.example":
		user, detail, _ := strings.Cut(user, "+")
		return route.Step{Kind: route.Mailbox, Address: recipientOf(user, detail), User: user, Detail: detail}, nil
	case "virtual.example":
		return route.Step{Kind: route.Again, Address: user}, nil
	case "closed.example":
		return route.Step{Kind: route.Refused, Reply: queue.Reply{Code: 550, Enhanced: "5.1.2", Text: "closed"}}, nil
	}
	return route.Step{Kind: route.Away, Hop: route.Hop{Mailer: route.ESMTP, Host: domain}, Address: recipient}, nil
}

func recipientOf(user, detail string) string {
	if detail != "" {
		user += "+" + detail
	}
	return user + "@here.example"
}

func (w *town) Hub(route.Step) (route.Step, bool) { return route.Step{}, false }

func (w *town) Unknown(_ context.Context, s route.Step) route.Step {
	if w.luser != "" && w.luser != s.User {
		return route.Step{Kind: route.Again, Address: w.luser}
	}
	return route.Step{Kind: route.Refused, Reply: queue.Reply{Code: 550, Enhanced: "5.1.1", Text: "User unknown"}}
}

func (w *town) Lookup(_ context.Context, user, detail string) (items []aliases.Item, key string, ok bool, err error) {
	if w.away[user] {
		return nil, "", false, errors.New("the aliases cannot be asked")
	}
	for _, key := range []string{user + "+" + detail, user + "+*", user} {
		if key != user && detail == "" {
			continue
		}
		if text, ok := w.aliases[strings.ToLower(key)]; ok {
			return itemsOf(text), key, true, nil
		}
	}
	return nil, "", false, nil
}

func (w *town) Owner(_ context.Context, key string) (owner string, ok bool, err error) {
	text, ok := w.aliases["owner-"+key]
	if ok && strings.ContainsAny(text, ",|/:") {
		text = "owner-" + key + "@here.example"
	}
	return text, ok, nil
}

func itemsOf(text string) (items []aliases.Item) {
	for word := range strings.SplitSeq(text, ",") {
		item := aliases.Item{Text: strings.TrimSpace(word), Where: "aliases:1"}
		for mark, kind := range map[string]aliases.Kind{`\`: aliases.Mailbox, "|": aliases.Program, ":include:": aliases.Include} {
			if rest, ok := strings.CutPrefix(item.Text, mark); ok {
				item.Text, item.Kind = rest, kind
			}
		}
		if strings.HasPrefix(item.Text, "/") && item.Kind == aliases.Address {
			item.Kind = aliases.File
		}
		items = append(items, item)
	}
	return items
}

func (w *town) Include(_ context.Context, path string) (List, error) {
	w.read++
	text, ok := w.lists[path]
	if !ok {
		return List{}, errors.New("cannot open " + path)
	}
	return List{Items: itemsOf(text), Path: path, Owner: 1000, Targets: !w.unsafe[path], Refusal: "unsafe for mailing to programs"}, nil
}

func (w *town) Forward(_ context.Context, user aliases.User, _ string) (List, bool, error) {
	w.read++
	text, ok := w.forward[user.Name]
	if !ok {
		return List{}, false, nil
	}
	return List{Items: itemsOf(text), Path: "/home/" + user.Name + "/.forward", Targets: !w.unsafe[user.Name]}, true, nil
}

// people are the users of a town.
type people struct{ *town }

func (w people) Lookup(_ context.Context, name string) (aliases.User, bool, error) {
	return aliases.User{Name: name}, slices.Contains(strings.Fields(w.users), name), nil
}

func (w *town) expander() *Expander {
	return New(Options{Table: w, Aliases: w, Files: w, Users: people{w}, Hostname: "here.example", MeToo: true})
}

// words are destinations as a test writes them.
func words(a Answer) (all []string) {
	for _, d := range a.Destinations {
		text := string(d.Route) + d.Address
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
	return all
}

// Coverage: X4.
func TestAnAddressComesToItsDestinations(t *testing.T) {
	w := &town{
		users: "ann bob root self",
		aliases: map[string]string{
			"postmaster": "ann", "staff": "ann, bob, carl@far.example", "list": ":include:/lists/a", "owner-list": "bob",
			"many": "a@far.example, b@far.example", "owner-many": "ann, bob", "a": "b", "b": "a", "self": "self, ann", "loop": "loop",
			"sup+*": "bob", "sup+x": "ann", "sup": "root", "box": "/var/box", "null": "/dev/null", "run": "|/bin/run -x", "raw": `\bob`,
			"deep0": "deep1", "mixed": "ann, nobody", "bad": ":include:/lists/gone", "plus": "ann+x",
		},
		lists:   map[string]string{"/lists/a": "ann, |/bin/prog, x@far.example", "/lists/unsafe": "|/bin/prog, bob"},
		forward: map[string]string{"bob": `\bob, bob@far.example`, "self": "|/bin/mine"},
		unsafe:  map[string]bool{"/lists/unsafe": true},
	}
	for i := range 20 {
		w.aliases[fmt.Sprintf("deep%d", i)] = fmt.Sprintf("deep%d", i+1)
	}
	w.aliases["unsafe"] = ":include:/lists/unsafe"
	for _, c := range []struct {
		reason, to string
		want       []string
	}{
		{"another domain leaves", "x@far.example", []string{"esmtp:far.examplex@far.example"}},
		{"a user's mailbox", "ann", []string{"mailbox ann"}},
		{"detail stays with the user", "ann+box@here.example", []string{"mailbox ann+box"}},
		{"names are written large or small", "ANN@here.example", []string{"mailbox ann"}},
		{"an alias for several", "staff@here.example", []string{"mailbox ann", "mailbox bob", "esmtp:far.examplebob@far.example", "esmtp:far.examplecarl@far.example"}},
		{"postmaster however it is written", "PostMaster", []string{"mailbox ann"}},
		{"mailer-daemon falls back to postmaster", "MAILER-DAEMON", []string{"mailbox ann"}},
		{"a list with an owner, whose value is one address", "list", []string{"mailbox ann from bob", "include:1000:/lists/a |/bin/prog from bob", "esmtp:far.examplex@far.example from bob"}},
		{"an owner that is several is named itself", "many", []string{
			"esmtp:far.examplea@far.example from owner-many@here.example", "esmtp:far.exampleb@far.example from owner-many@here.example",
		}},
		{"two names that point at each other", "a", []string{"554 5.4.6"}},
		{"an alias of a user who is in it", "self", []string{"forward:self |/bin/mine", "mailbox ann"}},
		{"an alias that is only itself", "loop", []string{"554 5.4.6"}},
		{"deeper than is allowed", "deep0", []string{"554 5.4.6"}},
		{"the detail has an alias of its own", "sup+x", []string{"mailbox ann"}},
		{"any other detail", "sup+y", []string{"mailbox bob", "esmtp:far.examplebob@far.example"}},
		{"no detail", "sup", []string{"mailbox root"}},
		{"a file", "box", []string{"alias:box /var/box"}},
		{"nobody at all", "null", []string{"nobody"}},
		{"a program", "run", []string{"alias:run |/bin/run -x"}},
		{"a mailbox without .forward", "raw", []string{"mailbox bob"}},
		{"one that is nobody fails alone", "mixed", []string{"mailbox ann", "550 5.1.1"}},
		{"nobody", "nobody@here.example", []string{"550 5.1.1"}},
		{"what the table refuses", "x@closed.example", []string{"550 5.1.2"}},
		{"a virtual address is looked up again", "staff@virtual.example", []string{"mailbox ann", "mailbox bob", "esmtp:far.examplebob@far.example", "esmtp:far.examplecarl@far.example"}},
		{"a list that cannot be read waits", "bad", []string{"451 4.3.0"}},
		{"no programs in a list that others can write", "unsafe", []string{"550 5.7.1", "mailbox bob", "esmtp:far.examplebob@far.example"}},
		{"a .forward: a copy, and the own mailbox", "bob", []string{"mailbox bob", "esmtp:far.examplebob@far.example"}},
		{"nobody mails to a program from outside", "|/bin/sh", []string{"550 5.7.1"}},
		{"nor to a file", "/etc/passwd@here.example", []string{"550 5.7.1"}},
		{"nor to a list", ":include:/lists/a", []string{"550 5.7.1"}},
	} {
		answers, err := w.expander().Expand(t.Context(), []Question{{Sender: "me@far.example", Recipient: queue.Recipient{Address: c.to}}})
		if err != nil {
			t.Fatal(err)
		}
		got := words(answers[0])
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %s comes to %q, not %q\n%v", c.reason, c.to, got, c.want, answers[0].Story)
		}
	}
}

func TestNobodyGetsAMessageTwice(t *testing.T) {
	w := &town{users: "ann bob", aliases: map[string]string{"staff": "ann, bob, x@far.example", "all": "staff, ann"}}
	var all []Question
	for _, to := range []string{"ann", "x@FAR.example", "staff", "all", "x@far.example"} {
		all = append(all, Question{Recipient: queue.Recipient{Address: to}})
	}
	answers, err := w.expander().Expand(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"mailbox ann", "esmtp:FAR.examplex@FAR.example", "mailbox bob esmtp:far.examplex@far.example", "", ""} {
		if got := strings.Join(words(answers[i]), " "); got != want && i != 2 {
			t.Errorf("%s comes to %q, not %q", all[i].Recipient.Address, got, want)
		}
	}
}

// Coverage: B135.
func TestASenderOnAListGetsACopyOnlyWhereMeTooSaysSo(t *testing.T) {
	w := &town{users: "ann bob", aliases: map[string]string{"staff": "ann, bob, x@far.example"}}
	for _, c := range []struct {
		metoo        bool
		sender, want string
	}{
		{true, "ann@here.example", "mailbox ann, mailbox bob, esmtp:far.examplex@far.example"},
		{false, "ann@here.example", "mailbox bob, esmtp:far.examplex@far.example"},
		{false, "x@far.example", "mailbox ann, mailbox bob"},
		{false, "", "mailbox ann, mailbox bob, esmtp:far.examplex@far.example"},
	} {
		e := w.expander()
		e.MeToo = c.metoo
		answers, err := e.Expand(t.Context(), []Question{{Sender: c.sender, Recipient: queue.Recipient{Address: "staff"}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(words(answers[0]), ", "); got != c.want {
			t.Errorf("from %q with MeToo %t: %s; want %s", c.sender, c.metoo, got, c.want)
		}
	}
	answers, _ := New(Options{Table: w, Aliases: w, Files: w, Users: people{w}}).Expand(t.Context(), []Question{{Sender: "ann@here.example", Recipient: queue.Recipient{Address: "ann"}}})
	if got := strings.Join(words(answers[0]), ", "); got != "mailbox ann" {
		t.Errorf("mail to oneself: %s", got)
	}
}

// RFC 3461 section 5.2.7.
func TestWishesForReportsFollowTheMessageOrAreAnsweredHere(t *testing.T) {
	w := &town{users: "ann bob", aliases: map[string]string{"one": "x@far.example", "two": "ann, bob", "list": "ann", "owner-list": "bob"}}
	for _, c := range []struct {
		reason, to, notify, orcpt string
		wantNotify, wantORcpt     string
		spread, listed            bool
	}{
		{"one in the place of another inherits all", "one", "SUCCESS,FAILURE", "rfc822;old@far.example", "SUCCESS,FAILURE", "rfc822;old@far.example", false, false},
		{"who it was is said", "one", "", "", "", "rfc822;one", false, false},
		{"success of several is said here", "two", "SUCCESS,FAILURE", "", "FAILURE", "rfc822;two", true, false},
		{"nothing else was wanted", "two", "SUCCESS", "", "NEVER", "rfc822;two", true, false},
		{"the members of a list have none", "list", "SUCCESS", "rfc822;x", "", "", false, true},
	} {
		answers, err := w.expander().Expand(t.Context(), []Question{{Recipient: queue.Recipient{Address: c.to, Notify: c.notify, ORcpt: c.orcpt}}})
		if err != nil {
			t.Fatal(err)
		}
		a := answers[0]
		d := a.Destinations[0]
		if d.Notify != c.wantNotify || d.ORcpt != c.wantORcpt || a.Spread != c.spread || a.Listed != c.listed {
			t.Errorf("%s: NOTIFY=%q ORCPT=%q spread %t listed %t", c.reason, d.Notify, d.ORcpt, a.Spread, a.Listed)
		}
	}
}

// Coverage: B58.
func TestARecipientIsKnownWithoutReadingAnyList(t *testing.T) {
	w := &town{users: "ann", aliases: map[string]string{"big": ":include:/lists/big"}, forward: map[string]string{"ann": "x@far.example"}}
	for to, known := range map[string]bool{
		"big@here.example": true, "ann": true, "ANN": true, "postmaster@here.example": true, "big@virtual.example": true,
		"nobody@here.example": false, "x@closed.example": false, "x@far.example": true,
	} {
		s, err := w.expander().Known(t.Context(), "", to)
		if err != nil || (s.Kind != route.Refused) != known {
			t.Errorf("%s: known %t, %v", to, s.Kind != route.Refused, err)
		}
	}
	if w.read > 0 {
		t.Errorf("%d files were opened", w.read)
	}
}

func TestAMapThatCannotBeAskedPutsOffItsRecipientAlone(t *testing.T) {
	w := &town{users: "ann gone", away: map[string]bool{"gone": true}}
	answers, err := w.expander().Expand(t.Context(), []Question{{Recipient: queue.Recipient{Address: "gone"}}, {Recipient: queue.Recipient{Address: "ann"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(words(answers[0]), words(answers[1])); got != "[451 4.3.0] [mailbox ann]" {
		t.Error(got)
	}
}

// Whatever aliases and .forward files name each other, it ends, and nobody is in it
// twice.
func TestEveryTangleOfAliasesEnds(t *testing.T) {
	for seed := range uint64(500) {
		dice := rand.New(rand.NewPCG(seed, 1))
		w := &town{users: "u0 u1 u2 u3", aliases: map[string]string{}, forward: map[string]string{}, lists: map[string]string{}}
		name := func() string {
			switch dice.IntN(6) {
			case 0:
				return fmt.Sprintf("u%d", dice.IntN(4))
			case 1:
				return fmt.Sprintf(`\u%d`, dice.IntN(4))
			case 2:
				return fmt.Sprintf("x%d@far.example", dice.IntN(3))
			case 3:
				return fmt.Sprintf(":include:/l%d", dice.IntN(3))
			}
			return fmt.Sprintf("a%d", dice.IntN(6))
		}
		list := func() string {
			var all []string
			for range 1 + dice.IntN(4) {
				all = append(all, name())
			}
			return strings.Join(all, ", ")
		}
		for i := range 6 {
			w.aliases[fmt.Sprintf("a%d", i)] = list()
			w.lists[fmt.Sprintf("/l%d", i%3)] = list()
			w.forward[fmt.Sprintf("u%d", i%3)] = list()
		}
		answers, err := w.expander().Expand(t.Context(), []Question{{Recipient: queue.Recipient{Address: "a0"}}, {Recipient: queue.Recipient{Address: "u1"}}})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, a := range answers {
			for _, d := range a.Destinations {
				if d.Route == "" {
					continue
				}
				if key := d.key(); seen[key] {
					t.Errorf("seed %d: %s twice", seed, key)
				} else {
					seen[key] = true
				}
			}
		}
		if len(answers[0].Destinations) == 0 {
			t.Errorf("seed %d: a0 comes to nothing, and nobody hears of it: %v", seed, w)
		}
	}
}
