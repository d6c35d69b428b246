package route

import (
	"strings"
	"testing"
)

// A step is an address, and what is said of the next step.
type step struct{ why, address, want string }

func (w *world) take(t *testing.T, steps []step) {
	t.Helper()
	for _, s := range steps {
		if got := w.next(t, s.address); got != s.want {
			t.Errorf("%s: %s goes\n%s, want\n%s", s.why, s.address, got, s.want)
		}
	}
}

func TestMailGoesByItsAddressWithoutAnyMap(t *testing.T) {
	w := begin(t, world{})
	w.take(t, []step{
		{"class w", "joe@example.org", "mailbox joe <joe@example.org>"},
		{"in any case", "joe@EXAMPLE.org", "mailbox joe <joe@example.org>"},
		{"with a last dot", "joe@example.org.", "mailbox joe <joe@example.org>"},
		{"our own name", "joe@mail.example.org", "mailbox joe <joe@mail.example.org>"},
		{"no domain", "joe", "mailbox joe <joe@mail.example.org>"},
		{"a detail", "joe+list@example.org", "mailbox joe+list <joe+list@example.org>"},
		{"our address", "joe@[192.0.2.1]", "mailbox joe <joe@mail.example.org>"},
		{"localhost", "joe@localhost", "mailbox joe <joe@mail.example.org>"},
		{"another domain", "joe@far.example", "esmtp:far.example <joe@far.example>"},
		{"as it is written", "Joe@Far.Example", "esmtp:far.example <Joe@Far.Example>"},
		{"an address of another", "joe@[198.51.100.1]", "esmtp:[198.51.100.1] <joe@[198.51.100.1]>"},
		{"below class w is not in it", "joe@sub.example.org", "esmtp:sub.example.org <joe@sub.example.org>"},
		{"a route through us", "joe%far.example@example.org", "esmtp:far.example <joe@far.example>"},
		{"two of them", "joe%example.org%example.org@mail.example.org", "mailbox joe <joe@example.org>"},
		{"of UUCP", "far.example!joe@example.org", "esmtp:far.example <joe@far.example>"},
		{"without a domain of ours", "joe%far.example", "esmtp:far.example <joe@far.example>"},
		{"hidden in quotes", `"joe@far.example"@example.org`, "esmtp:far.example <joe@far.example>"},
		{"through another is its affair", "joe%example.org@far.example", "esmtp:far.example <joe%example.org@far.example>"},
		{"a source route", "@relay.example:joe@far.example", "esmtp:far.example <joe@far.example>"},
		{"a name in quotes", `"joe doe"@example.org`, `mailbox joe doe <"joe doe"@example.org>`},
		{"nobody", "@example.org", "553 5.1.3 User address required"},
		{"a route that leads nowhere", "joe%@example.org", "553 5.1.3 Invalid route address joe%@example.org"},
	})
}

// Coverage: A24, A26.
func TestTheMailertableTakesTheNearestEntry(t *testing.T) {
	w := begin(t, world{maps: map[string]string{"mailertable": `d.example	esmtp:exact.example
.d.example	esmtp:below.example
.x.d.example	esmtp:deep.%1.example
.	relay:rest-%1.example
example.org	esmtp:never.example
`}})
	w.take(t, []step{
		{"the domain itself", "joe@d.example", "esmtp:exact.example <joe@d.example>"},
		{"in any case", "joe@D.Example", "esmtp:exact.example <joe@D.Example>"},
		{"below it", "joe@a.d.example", "esmtp:below.example <joe@a.d.example>"},
		{"further below", "joe@a.b.d.example", "esmtp:below.example <joe@a.b.d.example>"},
		{"the longest one first, with what is left", "joe@a.b.x.d.example", "esmtp:deep.a.b.example <joe@a.b.x.d.example>"},
		{".x is not x", "joe@x.d.example", "esmtp:below.example <joe@x.d.example>"},
		{"the rest", "joe@far.test", "relay:rest-far.test.example <joe@far.test>"},
		{"a name without a dot", "joe@host", "relay:rest-host.example <joe@host>"},
		{"a local domain is not looked up", "joe@example.org", "mailbox joe <joe@example.org>"},
		{"nor is an address", "joe@[198.51.100.1]", "esmtp:[198.51.100.1] <joe@[198.51.100.1]>"},
	})
}

// Coverage: A26.
func TestAnEntryForADomainIsForNothingElse(t *testing.T) {
	w := begin(t, world{maps: map[string]string{"mailertable": "d.example esmtp:one.example\n.s.example esmtp:two.example\n"}})
	w.take(t, []step{
		{"d is d", "joe@d.example", "esmtp:one.example <joe@d.example>"},
		{"and not what is below", "joe@a.d.example", "esmtp:a.d.example <joe@a.d.example>"},
		{".s is below s", "joe@a.s.example", "esmtp:two.example <joe@a.s.example>"},
		{"and not s", "joe@s.example", "esmtp:s.example <joe@s.example>"},
	})
}

// Coverage: A27.
func TestEachValueOfTheMailertableIsUnderstood(t *testing.T) {
	w := begin(t, world{maps: map[string]string{"mailertable": `a.example	smtp:mx.example
b.example	esmtp:[mx.example]
c.example	esmtp:[198.51.100.1]
d.example	esmtp:[IPv6:2001:db8::1]
e.example	esmtp:h1.example:h2.example,[h3.example]
f.example	esmtp:you@hub.example
g.example	local:trap
h.example	local:
i.example	error:5.7.1:550 We do not want this
j.example	error:nouser:550 No such user
k.example	error:550 No
l.example	error:nouser 550 x
m.example	host.example
n.example	[host.example]
o.example	dsmtp:dial.example
p.example	SMTP8:mx.example
q.example	procmail:/etc/procmailrcs/host
r.example	relay:mail.example.org
s.example	error:tempfail:450 Come again
t.example	error:nohost:551 5.7.9 Moved
u.example	esmtp:[192.0.2.1]
u2.example	esmtp:[192.0.2.1]:10025
u3.example	esmtp:you@[192.0.2.1]:10025
v.example	h1.example:h2.example
w.example	local:you@any.example
`}})
	w.take(t, []step{
		{"a mailer", "joe@a.example", "smtp:mx.example <joe@a.example>"},
		{"no MX", "joe@b.example", "esmtp:[mx.example] <joe@b.example>"},
		{"an address", "joe@c.example", "esmtp:[198.51.100.1] <joe@c.example>"},
		{"of IPv6", "joe@d.example", "esmtp:[IPv6:2001:db8::1] <joe@d.example>"},
		{"a list", "joe@e.example", "esmtp:h1.example:h2.example,[h3.example] <joe@e.example>"},
		{"another user", "joe@f.example", "esmtp:hub.example <you@hub.example>"},
		{"a user here", "joe@g.example", "mailbox trap <trap@g.example>"},
		{"the same user here", "joe+x@h.example", "mailbox joe+x <joe+x@h.example>"},
		{"an error with a status", "joe@i.example", "550 5.7.1 We do not want this"},
		{"an error with a keyword", "joe@j.example", "550 5.1.1 No such user"},
		{"an error with a code", "joe@k.example", "550 5.0.0 No"},
		{"no second colon: a text", "joe@l.example", "553 5.3.0 nouser 550 x"},
		{"a host alone", "joe@m.example", "relay:host.example <joe@m.example>"},
		{"in brackets", "joe@n.example", "relay:[host.example] <joe@n.example>"},
		{"on demand", "joe@o.example", "dsmtp:dial.example <joe@o.example>"},
		{"in any case", "joe@p.example", "smtp8:mx.example <joe@p.example>"},
		{"procmail", "joe@q.example", "procmail:/etc/procmailrcs/host <joe@q.example>"},
		{"ourselves", "joe@r.example", "553 5.3.5 config error: mail for r.example loops back to me"},
		{"an error for now", "joe@s.example", "450 4.3.0 Come again"},
		{"a status in the text", "joe@t.example", "551 5.7.9 Moved"},
		{"our address", "joe@u.example", "553 5.3.5 config error: mail for u.example loops back to me"},
		{"our address, where a filter may listen", "joe@u2.example", "esmtp:[192.0.2.1]:10025 <joe@u2.example>"},
		{"a user there", "joe@u3.example", "esmtp:[192.0.2.1]:10025 <you@[192.0.2.1]>"},
		{"a list alone", "joe@v.example", "relay:h1.example:h2.example <joe@v.example>"},
		{"the host behind local:user is nothing", "joe@w.example", "mailbox you <you@w.example>"},
	})
}

// Regression: what stood behind the @ of a route was taken as the host of a hop
// whatever it was: a list of hosts, in brackets with ports, that a stranger has
// chosen, and that seemed to be below a domain which is relayed to.
func TestARouteLeadsToADomainAndToNothingElse(t *testing.T) {
	w := begin(t, world{maps: map[string]string{"mailertable": "l.example local:\n"}})
	for _, a := range []string{
		`"joe@[10.0.0.1]:6379"@example.org`, `"joe@far.example,other.example"@example.org`,
		`"joe@far.example:[10.0.0.1]:6379:a.partner.example"@example.org`, `"joe@<far.example"@example.org`,
		`"joe%far..example"@example.org`, `"far.example:25!joe"@example.org`, `"joe@+\\!x.example"@example.org`, `"joe@"@example.org`,
	} {
		if got := w.next(t, a); !strings.HasPrefix(got, "553 5.1.3 Invalid route address") {
			t.Errorf("%s goes %s", a, got)
		}
	}
	if got := w.next(t, `"joe@far.example:25"@l.example`); got != "again <joe@far.example:25>" {
		t.Errorf("a route behind local: goes %s", got)
	}
	w.take(t, []step{
		{"as it is resolved", "joe@far.example:25", "553 5.1.3 Invalid route address joe@far.example:25"},
		{"an address in brackets is one", `"joe@[198.51.100.1]"@example.org`, "esmtp:[198.51.100.1] <joe@[198.51.100.1]>"},
	})
}

// Regression: the local part came out of its quotes, so that the address was none, or
// another one.
func TestWhatWasInQuotesIsInQuotesBehindTheVirtusertable(t *testing.T) {
	w := begin(t, world{
		toml: "[mta.route]\nvirt_host = [\"virt.example\", \"names.example\", \"no.example\"]\n",
		maps: map[string]string{"virtusertable": "+*@virt.example pre-%1-%2@far.example\n@virt.example %1@far.example\n@names.example %1\n@no.example error:nouser 550 No %1\n"},
	})
	w.take(t, []step{
		{"a blank", `"joe doe"@virt.example`, `again <"joe doe"@far.example>`},
		{"a comma", `"joe,bob"@virt.example`, `again <"joe,bob"@far.example>`},
		{"a quote", `"joe\"doe"@virt.example`, `again <"joe\"doe"@far.example>`},
		{"a second @", `"joe@else.example"@virt.example`, `again <"joe@else.example"@far.example>`},
		{"a bracket", `"joe>x"@virt.example`, `again <"joe>x"@far.example>`},
		{"with more around it", `"joe doe+a b"@virt.example`, `again <"pre-joe doe-a b"@far.example>`},
		{"as a name", `"joe doe"@names.example`, `again <"joe doe">`},
		{"what wants none has none", `"joe"@virt.example`, "again <joe@far.example>"},
		{"as it came", "joe.@virt.example", "again <joe.@far.example>"},
		{"with a slash, of another host", "/joe@virt.example", "again </joe@far.example>"},
		{"in a text", `"joe doe"@no.example`, "550 5.1.1 No joe doe"},
	})
}

// Coverage: X6, A31.
func TestTheVirtusertableHasSevenKeys(t *testing.T) {
	w := begin(t, world{
		toml: "[mta.route]\nvirt_host = [\"virt.example\"]\n",
		maps: map[string]string{"virtusertable": `joe+exact@virt.example	one
joe++@virt.example	two-%1-%2
joe+*@virt.example	three-%1-%2
joe@virt.example	four%3
++@virt.example	five-%1-%2@far.example
+*@virt.example	six-%1
@virt.example	trap
ann@example.org	ann@far.example
bad@example.org	error:nouser 550 No such user here
old@example.org	error:5.1.6:551 Moved
me@example.org	me@example.org
@mail.example.org	%1@example.org
`},
	})
	w.take(t, []step{
		{"user+detail", "joe+exact@virt.example", "again <one>"},
		{"user++ wants a detail", "joe+x@virt.example", "again <two-joe-x>"},
		{"user+* wants none", "joe+@virt.example", "again <three-joe->"},
		{"user", "joe@virt.example", "again <four>"},
		{"any with a detail", "sue+x@virt.example", "again <five-sue-x@far.example>"},
		{"any with a plus", "sue+@virt.example", "again <six-sue>"},
		{"any", "sue@virt.example", "again <trap>"},
		{"in any case", "Joe@Virt.Example", "again <four>"},
		{"below it is another", "joe@a.virt.example", "esmtp:a.virt.example <joe@a.virt.example>"},
		{"class w", "ann@example.org", "again <ann@far.example>"},
		{"others of it are local", "sue@example.org", "mailbox sue <sue@example.org>"},
		{"a keyword", "bad@example.org", "550 5.1.1 No such user here"},
		{"a status", "old@example.org", "551 5.1.6 Moved"},
		{"itself is an exception", "me@example.org", "mailbox me <me@example.org>"},
		{"localhost is known by our name", "joe@localhost", "again <joe@example.org>"},
		{"a name without a domain is not looked up", "joe", "mailbox joe <joe@mail.example.org>"},
	})
}
