package expand

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"mailcrane/internal/address"
	"mailcrane/queue"
)

// Coverage: X4.
func TestAliasesThatLeadBackEnd(t *testing.T) {
	w := &town{
		users: "ann bob awc self",
		aliases: map[string]string{
			"a": "b", "b": "a", "c": "d, ann", "d": "c", "self": "self, ann", "loop": "loop", "list": "list, ann",
			"awc": "andrew.chang", "andrew.chang": "awc@here.example", "plus": "plus+x", "plus+x": "plus", "e": "f, f", "f": "e@here.example",
			"three": "three1", "three1": "three2", "three2": "three",
		},
		forward: map[string]string{"self": "|/bin/mine", "ann": "bob", "bob": "ann"},
	}
	for i := range 20 {
		w.aliases[fmt.Sprintf("deep%d", i)] = fmt.Sprintf("deep%d", i+1)
	}
	w.aliases["deep20"] = "x@far.example"
	w.travel(t, []trip{
		{"two names that point only at each other", "a", "554 5.4.6"},
		{"by way of the domain", "e", "554 5.4.6"},
		{"three", "three", "554 5.4.6"},
		{"something else is left", "c", "mailbox bob"},
		{"an alias of a user who is in it: the user's .forward counts", "self", "forward:self |/bin/mine, mailbox bob"},
		{"an alias that is only itself, and no user", "loop", "550 5.1.1"},
		{"it ends at the name that is a user", "andrew.chang", "mailbox awc"},
		{"wherever it began", "awc", "mailbox awc"},
		{"two .forward files", "ann", "mailbox bob"},
		{"names with detail", "plus", "554 5.4.6"},
		{"deeper than is allowed", "deep0", "554 5.4.6"},
		{"as deep as is allowed", "deep11", "x@far.example by esmtp:far.example"},
	})
	if a := w.ask(t, "deep0"); a.Destinations[0].Reply.Text != "aliasing/forwarding loop broken (11 aliases deep; 10 max)" {
		t.Errorf("%+v", a.Destinations)
	}
	for i, a := range ask(t, w.expander(), "", "a", "b") {
		if words(a) != "554 5.4.6" {
			t.Errorf("recipient %d of two that point at each other comes to %s: nobody hears of it", i, words(a))
		}
	}
}

// A tangle is a town whose aliases, lists and .forward files name each other by
// chance.
func tangle(dice *rand.Rand) *town {
	w := &town{
		users: "u0 u1 u2 u3 root", aliases: map[string]string{}, forward: map[string]string{}, lists: map[string]string{},
		virtual: map[string]string{}, away: map[string]bool{}, unsafe: map[string]bool{},
	}
	name := func() string {
		switch dice.IntN(12) {
		case 0, 1:
			return fmt.Sprintf("u%d", dice.IntN(4))
		case 2:
			return fmt.Sprintf(`\u%d`, dice.IntN(4))
		case 3:
			return fmt.Sprintf("x%d@far.example", dice.IntN(3))
		case 4:
			return fmt.Sprintf(":include:/l%d", dice.IntN(4))
		case 5:
			return fmt.Sprintf("a%d+%d", dice.IntN(6), dice.IntN(2))
		case 6:
			return [...]string{"/dev/null", "/var/box", "|/bin/run", "not an address"}[dice.IntN(4)]
		case 7:
			return fmt.Sprintf("v%d@virtual.example", dice.IntN(3))
		case 8:
			return [...]string{"nobody", "postmaster", "MAILER-DAEMON", "root"}[dice.IntN(4)]
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
		w.virtual[fmt.Sprintf("v%d", i%3)] = name()
		w.aliases[fmt.Sprintf("owner-a%d", i%2)] = list()
	}
	w.aliases["a0+*"] = list()
	w.luser = [...]string{"", "a1", "u3"}[dice.IntN(3)]
	w.away["a5"], w.away["/l2"], w.unsafe["u1"] = dice.IntN(3) == 0, dice.IntN(3) == 0, dice.IntN(2) == 0
	return w
}

// Whatever aliases and .forward files name each other, it ends, nobody is in it
// twice, and every recipient has somebody, or a reply.
func TestEveryTangleOfAliasesEnds(t *testing.T) {
	for seed := range uint64(3000) {
		dice := rand.New(rand.NewPCG(seed, 1))
		w := tangle(dice)
		e := w.expander()
		e.MeToo = dice.IntN(2) == 0
		e.Admin = [...]string{"", "u0", "a2"}[dice.IntN(3)]
		to := []string{"a0", "u1", "a0+1", "v1@virtual.example", "a3"}
		check(t, fmt.Sprintf("seed %d", seed), ask(t, e, "u2@here.example", to...))
	}
}

// check looks at the answers for what must hold of all.
func check(t *testing.T, name string, answers []Answer) {
	t.Helper()
	seen := map[string]bool{}
	for i, a := range answers {
		for _, d := range a.Destinations {
			if d.Address == "" || d.Route == "" && !d.Discard && d.Reply.Code/100 < 4 {
				t.Errorf("%s: %+v is nothing", name, d)
			}
			if err := address.Valid(address.Qualify(d.Address, "here.example")); d.Route != "" && err != nil {
				t.Errorf("%s: %q cannot stand in an envelope: %v", name, d.Address, err)
			}
			if key := d.key(); key != "" && !a.waits() {
				if seen[key] {
					t.Errorf("%s: %s twice", name, key)
				}
				seen[key] = true
			}
		}
		if len(a.Destinations) == 0 && !strings.Contains(told(a), "for another recipient") {
			t.Errorf("%s: recipient %d comes to nothing, and nobody hears of it:\n%s", name, i, told(a))
		}
		if len(a.Story) == 0 {
			t.Errorf("%s: recipient %d has no story", name, i)
		}
	}
}

func FuzzExpand(f *testing.F) {
	f.Add("ann", "bob, x@far.example", `\ann, |/bin/x`, "ann@here.example")
	f.Add("a", "b", "a", ":include:/l")
	f.Add("|x", `"|/bin/sh"@here.example`, "/dev/null", "<>")
	f.Add("a+b@here.example", "a+c", "a", "postmaster")
	f.Fuzz(func(t *testing.T, to, one, two, three string) {
		w := &town{
			users: "ann bob", aliases: map[string]string{"a": one, "b": two, "a+*": three}, forward: map[string]string{"ann": one, "bob": three},
			lists: map[string]string{"/l": two}, luser: "a",
		}
		for name, text := range w.aliases {
			if items, wrong := parsed(text); items == 0 || wrong {
				delete(w.aliases, name) // the aliases have none such
			}
		}
		if to == "" {
			return
		}
		answers, err := w.expander().Expand(t.Context(), []Question{
			{Sender: three, Recipient: queue.Recipient{Address: to}}, {Recipient: queue.Recipient{Address: "a"}}, {Recipient: queue.Recipient{Address: "ann"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range answers[1:] {
			check(t, to, []Answer{a})
		}
	})
}
