package route

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
)

// Coverage: A25.
func TestAMapThatChangesIsObeyedWithoutARestart(t *testing.T) {
	w := begin(t, world{maps: map[string]string{"mailertable": "far.example esmtp:one.example\n"}})
	w.take(t, []step{{"before", "joe@far.example", "esmtp:one.example <joe@far.example>"}})
	w.write(t, "mailertable", "# moved\nfar.example esmtp:other.example\n")
	w.now = w.now.Add(time.Second)
	w.take(t, []step{{"afterwards", "joe@far.example", "esmtp:other.example <joe@far.example>"}})
	s, err := w.table.Next(t.Context(), "", "joe@far.example")
	if err != nil || s.Where != w.path("mailertable")+":2" || !strings.Contains(s.Why, "esmtp:other.example") {
		t.Errorf("what said so: %q %q %v", s.Where, s.Why, err)
	}
	w.write(t, "mailertable", "far.example nosuch:other.example\n")
	w.now = w.now.Add(time.Second)
	w.take(t, []step{{"a bad line leaves the map from before", "joe@far.example", "esmtp:other.example <joe@far.example>"}})
}

func TestTheMapsOfTheTableBeforeStay(t *testing.T) {
	w := begin(t, world{maps: map[string]string{"mailertable": "far.example esmtp:one.example\n"}})
	w.write(t, "mailertable", "far.example nosuch:two.example\n")
	parts := w.table.parts
	parts.Before = w.table
	var err error
	if w.table, err = New(parts); err != nil {
		t.Fatal(err)
	}
	if err := w.table.Usable(); err == nil || !strings.Contains(err.Error(), "mailertable:1: there is no mailer nosuch") {
		t.Errorf("nobody is told: %v", err)
	}
	w.take(t, []step{{"its entries hold while a line is bad", "joe@far.example", "esmtp:one.example <joe@far.example>"}})
	w.write(t, "mailertable", "far.example esmtp:three.example\n")
	parts.Before = w.table
	if w.table, err = New(parts); err != nil || w.table.Usable() != nil {
		t.Fatal(err, w.table.Usable())
	}
	w.take(t, []step{{"a reload reads at once", "joe@far.example", "esmtp:three.example <joe@far.example>"}})
}

// Regression: the entries were held to the configuration from before, so that those
// for a new account were bad lines until the next start, and its mail went to the
// exchangers.
func TestAMapThatStaysIsHeldToTheNewConfiguration(t *testing.T) {
	w := begin(t, world{maps: map[string]string{"mailertable": "far.example esmtp:one.example\n"}})
	w.write(t, "mailertable", "far.example account:new\n")
	w.now = w.now.Add(time.Second)
	w.take(t, []step{{"there is no such account yet", "joe@far.example", "esmtp:one.example <joe@far.example>"}})
	text, err := os.ReadFile(w.path("m.toml"))
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "m.toml", "[account.new]\nfrom = [\"me@x.example\"]\nsmarthost = \"smtps://smtp.x.example\"\nuser = \"u\"\n"+string(text))
	parts := w.table.parts
	parts.Before = w.table
	if parts.Config, err = config.Load(w.path("m.toml"), func(string) string { return w.dir }); err != nil {
		t.Fatal(err)
	}
	if w.table, err = New(parts); err != nil || w.table.Usable() != nil {
		t.Fatal(err, w.table.Usable())
	}
	w.take(t, []step{{"now there is", "joe@far.example", "account new <joe@far.example>"}})
}

func TestBadLinesOfMapsAreNamed(t *testing.T) {
	for _, c := range []struct{ why, name, text, want string }{
		{"no such mailer", "mailertable", "a.example uucp:host\n", "mailertable:1: there is no mailer uucp"},
		{"each of them", "mailertable", "a.example esmtp:\n# ok\nb.example error:200 x\n", "mailertable:3: 200 is no code that refuses"},
		{"no such account", "mailertable", "a.example account:none\n", "mailertable:1: there is no [account.none]"},
		{"two addresses", "virtusertable", "a@example.org b, c\n", "virtusertable:1: b, c is no address: there can be only one"},
		{"a program", "virtusertable", "a@example.org |/bin/cat\n", "name an alias here"},
		{"a file", "virtusertable", "a@example.org /dev/null\n", "name an alias here"},
		{"half an address", "virtusertable", "a@example.org b@\n", "nothing stands behind the @"},
		{"a code that refuses nobody", "virtusertable", "a@example.org error:nouser 250 fine\n", "250 is no code that refuses"},
		{"an address for a domain", "domaintable", "old.example me@new.example\n", "is no domain"},
		{"two senders", "genericstable", "joe a@b c@d\n", "there can be only one"},
	} {
		w := world{maps: map[string]string{c.name: c.text}}
		if err := w.open(t); err != nil {
			t.Errorf("%s: a map keeps nobody from starting: %v", c.why, err)
			continue
		}
		if err := w.table.Usable(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.why, err, c.want)
		}
	}
}

func TestACheckOfMapsWarnsOfWhatMeansSomethingElse(t *testing.T) {
	w := begin(t, world{maps: map[string]string{
		"mailertable":   "a.example esmtp:a.test\na.example esmtp:b.test\nb.example error:nouser 550 x\n",
		"virtusertable": "joe ann\n",
	}})
	warnings, err := Check(w.table.parts)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(strings.Join(warnings, "\n"), w.dir+"/", "")
	const want = "mailertable:2: a.example stands in line 1 already, which counts\n" +
		"mailertable:3: the error has no code of a reply, and is sent as 553 5.3.0 nouser 550 x\n" +
		"virtusertable:1: the key has no @, so that no address has it: write user@domain or @domain"
	lines := strings.Split(got, "\n")
	slices.Sort(lines)
	if got = strings.Join(lines, "\n"); got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
	w.write(t, "mailertable", "a.example uucp:x\n")
	if _, err := Check(w.table.parts); err == nil || !strings.Contains(err.Error(), "mailertable:1: there is no mailer uucp") {
		t.Errorf("%v", err)
	}
}

func TestWhoNeedsAMapThatCannotBeAskedIsPutOff(t *testing.T) {
	for _, c := range []struct{ why, name, address string }{
		{"mailertable", "mailertable", "joe@far.example"},
		{"virtusertable", "virtusertable", "joe@example.org"},
		{"domaintable", "domaintable", "joe@far.example"},
	} {
		w := begin(t, world{maps: map[string]string{c.name: "bad\n"}})
		if _, err := w.table.Next(t.Context(), "", c.address); err == nil || !strings.Contains(err.Error(), "the "+c.name+" cannot be asked") {
			t.Errorf("%s: %v", c.why, err)
		}
	}
	w := begin(t, world{maps: map[string]string{"mailertable": "bad\n"}})
	w.take(t, []step{{"who does not is not", "joe@example.org", "mailbox joe <joe@example.org>"}})
	w = begin(t, world{maps: map[string]string{"genericstable": "bad\n"}})
	if _, err := w.table.Rewriter(false).Message(t.Context(), strings.NewReader("From: joe\n\n")); err == nil {
		t.Error("a sender leaves under his inner name")
	}
}

func TestOptionsThatNameNoNextHopAreRefused(t *testing.T) {
	for _, c := range []struct{ why, toml, want string }{
		{"an account that is not there", "[mta.route]\nsmart_host = \"account:none\"", "m.toml:7: there is no [account.none]"},
		{"an error that is none", "[mta.deliver]\nluser_relay = \"error:5.1.1:250 fine\"", "m.toml:7: 250 is no code that refuses"},
	} {
		w := world{toml: c.toml + "\n"}
		if err := w.open(t); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.why, err, c.want)
		}
	}
}

func TestTheDomaintableGivesADomainItsNewName(t *testing.T) {
	w := begin(t, world{maps: map[string]string{
		"domaintable": "old.example new.example\nours.example Example.ORG\n",
		"mailertable": "new.example esmtp:host.example\n",
	}})
	w.take(t, []step{
		{"before the mailertable", "joe@old.example", "esmtp:host.example <joe@new.example>"},
		{"before what is ours", "joe@ours.example", "mailbox joe <joe@example.org>"},
		{"behind a route", "joe%old.example@example.org", "esmtp:host.example <joe@new.example>"},
	})
}

func TestPlaceholdersAreFilledAsSendmailFillsThem(t *testing.T) {
	for value, want := range map[string]string{
		"plain": "plain", "%1": "a", "%2%1": "ba", "%3": "", "%0x": "x", "100%%": "100%", "%": "%", "x%": "x%", "%z": "%z",
	} {
		if got := filled(value, "a", "b"); got != want {
			t.Errorf("%q is %q, want %q", value, got, want)
		}
	}
}

func FuzzNext(f *testing.F) {
	for _, seed := range []string{"joe@example.org", "a%b@example.org", "\"x@y\"@example.org", "@a,@b:c@d", "x!y!z@example.org", "joe+x@virt.example", "", "@", "a@b@c", "a%b!c%", "x@[IPv6:::1]"} {
		f.Add(seed)
	}
	w := world{
		toml: "[mta.route]\nvirt_host = [\"virt.example\"]\n",
		maps: map[string]string{"mailertable": ".example esmtp:%1.host.test\n. relay:rest.test\n", "virtusertable": "@virt.example %1%3@example.org\n"},
	}
	f.Fuzz(func(t *testing.T, address string) {
		if w.table == nil {
			if err := w.open(t); err != nil {
				t.Fatal(err)
			}
		}
		s, err := w.table.Next(t.Context(), "", address)
		switch {
		case err != nil:
			return
		case s.Kind == Mailbox && s.User == "":
			t.Fatalf("%q is the mailbox of nobody", address)
		case s.Kind == Away && s.Hop == (Hop{}), (s.Kind == Away || s.Kind == Again) && s.Address == "":
			t.Fatalf("%q goes nowhere: %+v", address, s)
		case s.Kind == Refused && s.Reply.Code < 400:
			t.Fatalf("%q is refused with %v", address, s.Reply)
		}
	})
}
