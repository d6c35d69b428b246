package expand

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"mailcrane/mta/aliases"
	"mailcrane/mta/route"
	"mailcrane/queue"
)

// Coverage: X4.
func TestAnAddressComesToItsDestinations(t *testing.T) {
	w := &town{
		users: "ann bob root",
		aliases: map[string]string{
			"postmaster": "ann", "staff": "ann, bob, carl@far.example", "raw": `\bob`, "rawest": `\bob@here.example`,
			"sup+*": "bob", "sup+x": "ann", "sup": "root", "box": "/var/box", "null": "/dev/null", "run": `"|/bin/run -x"`,
			"mixed": "ann, nobody", "plus": "ann+x", "nouser": `\staff`, "copy": "ann, /dev/null", "inner": `"|/bin/sh"@here.example`,
		},
		forward: map[string]string{"bob": `\bob, bob@far.example`},
		virtual: map[string]string{"info": "staff@here.example", "evil": "|/bin/sh", "round": "round@virtual.example", "out": "x@far.example", "raw": "staff"},
	}
	w.travel(t, []trip{
		{"another domain leaves", "x@far.example", "x@far.example by esmtp:far.example"},
		{"or by an account", "x@account.example", "x@account.example by work"},
		{"a user's mailbox", "ann", "mailbox ann"},
		{"detail stays with the user", "ann+box@here.example", "mailbox ann+box"},
		{"names are written large or small", "ANN@here.example", "mailbox ann"},
		{"an alias for several", "staff@here.example", "bob@far.example by esmtp:far.example, carl@far.example by esmtp:far.example, mailbox ann, mailbox bob"},
		{"postmaster however it is written", "PostMaster", "mailbox ann"},
		{"mailer-daemon falls back to postmaster", "MAILER-DAEMON", "mailbox ann"},
		{"the detail has an alias of its own", "sup+x", "mailbox ann"},
		{"any other detail", "sup+y", "bob@far.example by esmtp:far.example, mailbox bob"},
		{"no detail", "sup", "mailbox root"},
		{"a detail in an alias", "plus", "mailbox ann+x"},
		{"a file", "box", "alias:box /var/box"},
		{"nobody at all", "null", "nobody"},
		{"a copy for nobody", "copy", "mailbox ann, nobody"},
		{"a program", "run", "alias:run |/bin/run -x"},
		{"a mailbox without .forward", "raw", "mailbox bob"},
		{"the same with the domain", "rawest", "mailbox bob"},
		{"a mailbox without alias must be an account", "nouser", "550 5.1.1"},
		{"a mailbox from the command line", `\bob`, "mailbox bob"},
		{"one that is nobody fails alone", "mixed", "550 5.1.1, mailbox ann"},
		{"nobody", "nobody@here.example", "550 5.1.1"},
		{"what the table refuses", "x@closed.example", "550 5.1.2"},
		{"what the table throws away", "x@thrown.example", "nobody"},
		{"a virtual address is looked up again", "info@virtual.example", "bob@far.example by esmtp:far.example, carl@far.example by esmtp:far.example, mailbox ann, mailbox bob"},
		{"and may leave", "out@virtual.example", "x@far.example by esmtp:far.example"},
		{"one that stands for itself ends", "round@virtual.example", "554 5.4.6"},
		{"nobody mails to a program from outside", "|/bin/sh", "550 5.7.1"},
		{"in quotes neither", `"|/bin/sh"@here.example`, "550 5.7.1"},
		{"nor by a virtual address", "evil@virtual.example", "550 5.7.1"},
		{"nor by an address in an alias", "inner", "550 5.7.1"},
		{"nor to a file", "/etc/passwd@here.example", "550 5.7.1"},
		{"nor to a list", ":Include:/lists/a", "550 5.7.1"},
		{"nor to a file without a backslash", `\/etc/passwd`, "550 5.7.1"},
	})
}

// Coverage: A6.
func TestAForwardFileIsFollowed(t *testing.T) {
	w := &town{
		users: "ann bob carl dora eve fred gus hugo ida",
		forward: map[string]string{
			"ann": `\ann, x@far.example`, "bob": "bob, x@far.example", "carl": "x@far.example\n\"|/bin/vacation carl\"\n/var/mail/carl",
			"dora": ":include:/home/dora/friends", "eve": "nobody, not an address, carl", "fred": "ann, ANN@here.example",
			"gus": "gus+box, x@far.example", "hugo": "| /bin/prog, \\hugo",
		},
		lists:   map[string]string{"/home/dora/friends": "ann\n\"|/bin/hello\""},
		aliases: map[string]string{"both": "ann, bob", "ida": "ida, ann"},
		unsafe:  map[string]bool{"hugo": true},
	}
	w.travel(t, []trip{
		{"a copy elsewhere, and the own mailbox", "ann", "mailbox ann, x@far.example by esmtp:far.example"},
		{"the detail is not lost on the way", "ann+box", "mailbox ann+box, x@far.example by esmtp:far.example"},
		{"the own name without a backslash", "bob", "mailbox bob, x@far.example by esmtp:far.example"},
		{"all three kinds, on lines of their own", "carl", "forward:carl /var/mail/carl, forward:carl |/bin/vacation carl, x@far.example by esmtp:far.example"},
		{"a list, in the name of who names it", "dora", "forward:dora |/bin/hello, mailbox ann, x@far.example by esmtp:far.example"},
		{"a bad address fails alone", "eve", "550 5.1.1, 553 5.1.3, forward:carl /var/mail/carl, forward:carl |/bin/vacation carl, x@far.example by esmtp:far.example"},
		{"twice the same is once", "fred", "mailbox ann, x@far.example by esmtp:far.example"},
		{"the own name with a detail", "gus", "mailbox gus+box, x@far.example by esmtp:far.example"},
		{"no program where others write the file", "hugo", "550 5.7.1, mailbox hugo"},
		{"those of two users", "both", "mailbox ann, mailbox bob, x@far.example by esmtp:far.example"},
		{"aliases come before it", "ida", "mailbox ann, mailbox ida, x@far.example by esmtp:far.example"},
	})
	if a := w.ask(t, "hugo"); !strings.Contains(told(a), "Address hugo@here.example is unsafe for mailing to programs") {
		t.Errorf("the reply does not say why: %s", told(a))
	}
	w.letters = nil
	w.ask(t, "bob+box")
	if want := (aliases.Letter{Detail: "box", Sender: "me@far.example"}); len(w.letters) != 1 || w.letters[0] != want {
		t.Errorf("the .forward is looked for by %+v", w.letters)
	}
}

// Coverage: X4.
func TestAnIncludedListIsFollowedInTheNameOfItsOwner(t *testing.T) {
	w := &town{
		users: "ann bob root",
		aliases: map[string]string{
			"list": ":include:/lists/a", "unsafe": ":include:/lists/unsafe", "gone": "ann, :include:/lists/gone", "late": ":include:/lists/late",
			"empty": ":include:/lists/empty", "self": ":include:/lists/self", "bad": ":include:/lists/bad", "outer": ":include:/lists/outer",
			"own": ":include:/lists/own", "roots": ":include:/lists/roots",
		},
		lists: map[string]string{
			"/lists/a": "ann\n|/bin/prog\nx@far.example\n", "/lists/unsafe": "|/bin/prog, /var/file, bob", "/lists/empty": "# nobody yet\n",
			"/lists/self": ":include:/lists/self, ann", "/lists/bad": "ann\nnot an address\n", "/lists/outer": ":include:/lists/inner",
			"/lists/inner": "|/bin/inner", "/lists/own": "own, ann", "/lists/roots": "|/bin/prog",
		},
		unsafe: map[string]bool{"/lists/unsafe": true},
		away:   map[string]bool{"/lists/late": true},
	}
	w.travel(t, []trip{
		{"its programs are its owner's", "list", "include:1000:/lists/a |/bin/prog, mailbox ann, x@far.example by esmtp:far.example"},
		{"none where others can write it", "unsafe", "550 5.7.1, 550 5.7.1, mailbox bob"},
		{"one that is not there", "gone", "550 5.2.4, mailbox ann"},
		{"one that cannot be read now", "late", "451 4.2.4"},
		{"nobody is on it", "empty", "550 5.2.4"},
		{"it includes itself", "self", "mailbox ann"},
		{"what is no address fails alone", "bad", "553 5.1.3, mailbox ann"},
		{"a list in a list is read as the owner of the first", "outer", "include:1000:/lists/outer |/bin/inner"},
		{"the alias's own name, and no user", "own", "550 5.1.1, mailbox ann"},
		{"a list of nobody's runs as the alias does", "roots", "alias:roots |/bin/prog"},
	})
}

// Coverage: X4.
func TestAListWithAnOwnerSendsInItsName(t *testing.T) {
	w := &town{
		users: "ann bob",
		aliases: map[string]string{
			"one": "ann, x@far.example", "owner-one": "bob@here.example", "many": "x@far.example", "owner-many": "ann, bob",
			"outer": "ann, inner", "owner-outer": "bob", "inner": "x@far.example", "plain": "bob, y@far.example", "above": "plain", "owner-above": "ann",
			"owner-owner": "postmaster@here.example", "lost": "nobody", "owner-lost": "ann", "owner-inner": "ann",
		},
	}
	w.travel(t, []trip{
		{"its value where that is one address", "one", "mailbox ann from bob@here.example, x@far.example by esmtp:far.example from bob@here.example"},
		{"itself where it is several", "many", "x@far.example by esmtp:far.example from owner-many@here.example"},
		{"the nearest counts", "outer", "mailbox ann from bob@here.example, x@far.example by esmtp:far.example from ann@here.example"},
		{"a list in it belongs to it", "above", "mailbox bob from ann@here.example, y@far.example by esmtp:far.example from ann@here.example"},
		{"the owner's own mail has an owner too", "owner-many", "mailbox ann from postmaster@here.example, mailbox bob from postmaster@here.example"},
		{"who is refused is the owner's too", "lost", "550 5.1.1 from ann@here.example"},
	})
	if got := words(ask(t, w.expander(), "", "one")[0]); got != "mailbox ann, x@far.example by esmtp:far.example" {
		t.Errorf("a report has a sender now, to whom a report on it would go: %s", got)
	}
}

// Coverage: A30.
func TestMailForNobodyGoesToTheTrap(t *testing.T) {
	w := &town{users: "ann bob trapper", aliases: map[string]string{"trap": "trapper, x@far.example", "staff": "ann, nobody"}, luser: "trap"}
	w.travel(t, []trip{
		{"the trap's name has aliases in turn", "nobody@here.example", "mailbox trapper, x@far.example by esmtp:far.example"},
		{"users are not touched", "ann", "mailbox ann"},
		{"nor aliases", "staff", "mailbox ann, mailbox trapper, x@far.example by esmtp:far.example"},
		{"nor what leaves", "nobody@far.example", "nobody@far.example by esmtp:far.example"},
		{"only an account is good behind a backslash", `\nobody`, "550 5.1.1"},
	})
	w.luser = "bob"
	w.travel(t, []trip{{"a trap that is a user", "nobody", "mailbox bob"}})
	w.aliases["circle"], w.luser = "nowhere", "circle"
	w.travel(t, []trip{{"a trap that leads to nobody again", "nowhere", "554 5.4.6"}})
	w.luser = "gone"
	w.travel(t, []trip{{"a trap that is nobody itself", "nobody", "550 5.1.1"}})
}

func TestPostmasterIsAlwaysSomebody(t *testing.T) {
	for _, c := range []struct{ reason, users, admin, to, want string }{
		{"root has it", "root", "", "postmaster@here.example", "mailbox root"},
		{"root's mail is the administrator's", "root", "adm@far.example", "postmaster", "adm@far.example by esmtp:far.example"},
		{"no root: the administrator", "ann", "adm@far.example", "MAILER-DAEMON", "adm@far.example by esmtp:far.example"},
		{"the administrator is root", "root", "root", "postmaster", "mailbox root"},
		{"the administrator is root by an alias", "root", "adm", "postmaster", "mailbox root"},
		{"nobody at all", "ann", "", "postmaster", "550 5.1.1"},
		{"a user of the name", "root postmaster", "", "postmaster", "mailbox postmaster"},
	} {
		e := (&town{users: c.users, aliases: map[string]string{"adm": "root"}}).expander()
		e.Admin = c.admin
		if got := words(ask(t, e, "", c.to)[0]); got != c.want {
			t.Errorf("%s: %s, not %s", c.reason, got, c.want)
		}
	}
}

func TestLocalNamesGoToTheHubBehindTheAliases(t *testing.T) {
	w := &town{users: "ann root", hub: true, aliases: map[string]string{"staff": `ann, root, \ann`, "self": "self"}}
	w.travel(t, []trip{
		{"a user", "ann", "ann@hub.example by relay:hub.example"},
		{"nobody we know", "zoe", "zoe@hub.example by relay:hub.example"},
		{"but for names that stay, and mailboxes", "staff", "ann@hub.example by relay:hub.example, mailbox ann, mailbox root"},
		{"an alias of its own name", "self", "self@hub.example by relay:hub.example"},
	})
}

// Seen of sendmail's ruleset 5: what is nobody's here goes to LUSER_RELAY, though
// there is a hub; but for the names that must be somebody's, which a hub has too.
//
// Coverage: A30.
func TestNamesThatAreNobodysAreCaughtBeforeTheHub(t *testing.T) {
	w := &town{users: "ann trapper", hub: true, luser: "trapper", away: map[string]bool{"lost": true}}
	w.travel(t, []trip{
		{"a user", "ann", "ann@hub.example by relay:hub.example"},
		{"nobody", "zoe", "trapper@hub.example by relay:hub.example"},
		{"postmaster", "postmaster", "postmaster@hub.example by relay:hub.example"},
	})
	for name, want := range map[string]route.Kind{"ann": route.Away, "zoe": route.Again, "postmaster": route.Away} {
		if s, err := w.expander().Known(t.Context(), "", name); err != nil || s.Kind != want {
			t.Errorf("at RCPT %s is %+v, %v", name, s, err)
		}
	}
}

// Coverage: B135.
func TestASenderOnAListGetsACopyOnlyWhereMeTooSaysSo(t *testing.T) {
	w := &town{users: "ann bob", aliases: map[string]string{"staff": "ann, bob, x@far.example", "only": "ann"}, forward: map[string]string{"ann": `\ann, ann@far.example`}}
	for _, c := range []struct {
		reason           string
		metoo            bool
		sender, to, want string
	}{
		{"by default", true, "ann@here.example", "staff", "ann@far.example by esmtp:far.example, mailbox ann, mailbox bob, x@far.example by esmtp:far.example"},
		{"a user, and what the user forwards", false, "ann@here.example", "staff", "mailbox bob, x@far.example by esmtp:far.example"},
		{"by a virtual address", false, "ann@virtual.example", "staff", "mailbox bob, x@far.example by esmtp:far.example"},
		{"one elsewhere", false, "x@FAR.example", "staff", "ann@far.example by esmtp:far.example, mailbox ann, mailbox bob"},
		{"nobody is the sender", false, "", "staff", "ann@far.example by esmtp:far.example, mailbox ann, mailbox bob, x@far.example by esmtp:far.example"},
		{"mail to oneself arrives", false, "ann@here.example", "ann", "ann@far.example by esmtp:far.example, mailbox ann"},
		{"nobody else is on it", false, "ann@here.example", "only", "nobody"},
	} {
		e := w.expander()
		e.MeToo = c.metoo
		if got := words(ask(t, e, c.sender, c.to)[0]); got != c.want {
			t.Errorf("%s: %s, not %s", c.reason, got, c.want)
		}
	}
}

// Coverage: B58.
func TestARecipientIsKnownWithoutReadingAnyList(t *testing.T) {
	w := &town{users: "ann", aliases: map[string]string{"big": ":include:/lists/big"}, forward: map[string]string{"ann": "x@far.example"}}
	for to, want := range map[string]string{
		"big@here.example": "", "ann": "", "ANN": "", "ann+box": "", "postmaster@here.example": "", "big@virtual.example": "", "x@far.example": "",
		"nobody@here.example": "5.1.1", "x@closed.example": "5.1.2", "|/bin/sh": "5.7.1", `\big`: "5.1.1", `\ann`: "", "/etc/passwd": "5.7.1",
	} {
		s, err := w.expander().Known(t.Context(), "", to)
		if err != nil || (s.Kind == route.Refused) != (want != "") || s.Reply.Enhanced != want {
			t.Errorf("%s: %+v, %v", to, s, err)
		}
	}
	w.luser = "ann"
	if s, err := w.expander().Known(t.Context(), "", "nobody"); err != nil || s.Kind == route.Refused {
		t.Errorf("the trap takes everybody: %+v, %v", s, err)
	}
	if w.hub, w.luser = true, ""; w.read > 0 {
		t.Errorf("%d files were opened", w.read)
	}
	if s, err := w.expander().Known(t.Context(), "", "zoe"); err != nil || s.Kind != route.Away {
		t.Errorf("the hub knows: %+v, %v", s, err)
	}
	if _, err := w.expander().Known(t.Context(), "", "x@lost.example"); err == nil {
		t.Error("nobody can know now")
	}
}

func TestWhatCannotBeAskedPutsOffItsRecipientAlone(t *testing.T) {
	w := &town{
		users: "ann bob gone", aliases: map[string]string{"staff": "bob, late", "list": "ann"}, forward: map[string]string{"bob": "x@far.example"},
		away: map[string]bool{"gone": true, "/home/late": true, "user unsure": true, "owner-list": true},
	}
	w.users += " late"
	to := []string{"gone", "staff", "unsure", "x@lost.example", "list", "ann", "bob"}
	answers := ask(t, w.expander(), "me@far.example", to...)
	for i, want := range []string{
		"451 4.3.0", "451 4.4.1, x@far.example by esmtp:far.example", "451 4.3.0", "451 4.3.0", "451 4.3.0", "mailbox ann", "x@far.example by esmtp:far.example",
	} {
		if got := words(answers[i]); got != want {
			t.Errorf("%s comes to %s, not %s: one that waits must not take from those that do not", to[i], got, want)
		}
	}
}

func TestNobodyGetsAMessageTwice(t *testing.T) {
	w := &town{users: "ann bob", aliases: map[string]string{
		"staff": "ann, bob, x@far.example", "all": "staff, ann", "a": "b", "b": "/var/box", "c": "/var/box", "null": "/dev/null", "null2": "/dev/null",
	}}
	to := []string{"all", "ann", "ANN@virtual.example", "x@FAR.example", "staff", "x@far.example", "nobody", "nobody", "a", "b", "c", "null", "null2", "ann+box"}
	answers := ask(t, w.expander(), "me@far.example", to...)
	for i, want := range []string{
		"mailbox bob", "mailbox ann", "", "x@FAR.example by esmtp:far.example", "", "", "550 5.1.1", "550 5.1.1", "alias:b /var/box", "", "", "nobody", "nobody", "mailbox ann+box",
	} {
		if got := words(answers[i]); got != want {
			t.Errorf("%s comes to %q, not %q\n%s", to[i], got, want, told(answers[i]))
		}
	}
	if !strings.Contains(told(answers[2]), "gets it for another recipient of the message already") {
		t.Errorf("the story does not say why: %s", told(answers[2]))
	}
}

func TestWhatIsCalledOffHasNoAnswers(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the server stops")
	cancel(gone)
	_, err := (&town{users: "ann"}).expander().Expand(ctx, []Question{{Recipient: queue.Recipient{Address: "ann"}}})
	if !errors.Is(err, gone) {
		t.Error(err)
	}
}

func TestTheRecipientsOfOneMessageAreBounded(t *testing.T) {
	w := &town{users: "ann", aliases: map[string]string{}}
	for name, n := range map[string]int{"small": 30, "large": 60, "huge": 200} {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("%s%d@far.example", name, i))
		}
		w.aliases[name] = strings.Join(all, ", ")
	}
	e := w.expander()
	e.Most = 100
	answers := ask(t, e, "", "huge", "small", "large", "large", "ann")
	for i, want := range []string{"554 5.2.4", "", "", "451 4.2.4", "451 4.2.4"} {
		if got := words(answers[i]); want != "" && got != want || len(answers[i].Destinations) == 0 {
			t.Errorf("recipient %d comes to %s, not %s", i, got, want)
		}
	}
}

// Coverage: B121, B124.
func TestADomainWithoutADotIsCompleted(t *testing.T) {
	w := &town{users: "ann", aliases: map[string]string{"far": "bob@hub", "here": "ann@desk"}}
	for _, c := range []struct{ reason, to, want, asked string }{
		{"a host of the search list", "bob@hub", "bob@hub.far.example by esmtp:hub.far.example", "hub"},
		{"in an alias", "far", "bob@hub.far.example by esmtp:hub.far.example", "hub"},
		{"one that is ourselves", "ann@desk", "mailbox ann", "desk"},
		{"in an alias, ourselves", "here", "mailbox ann", "desk"},
		{"a domain at the top", "x@top", "x@top by esmtp:top", "top"},
		{"nobody has it", "x@none", "x@none by esmtp:none", "none"},
		{"a whole name is taken as it is", "x@far.example", "x@far.example by esmtp:far.example", ""},
		{"an address too", "x@[192.0.2.1]", "x@[192.0.2.1] by esmtp:[192.0.2.1]", ""},
		{"what a map has is the map's", "x@mapped", "x@mapped by esmtp:mapped", ""},
		{"nobody knows now", "x@away", "451 4.3.0", "away"},
	} {
		w.completed = nil
		e := w.expander()
		e.Names = w
		if got := words(ask(t, e, "", c.to)[0]); got != c.want || strings.Join(w.completed, " ") != c.asked {
			t.Errorf("%s: %s, not %s; asked for %v", c.reason, got, c.want, w.completed)
		}
	}
}
