//go:build linux

package route

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

// The people and the entries of the trial.
var (
	trialAddresses = []string{
		"joe", "ann+x", "joe@example.org", "ann+x@example.org", "sue+@example.org", "Joe+Y@EXAMPLE.org", "sue@mail.example.org", "sue@localhost",
		"joe@virt.example", "ann+x@virt.example", "ann+@virt.example", "sue@sub.virt.example", "joe+list@sub.virt.example",
		"joe@far.example", "sue@a.far.example", "joe@b.a.far.example", "joe@old.example", "sue@else.test", "joe@host", "joe@[198.51.100.7]", "joe@[192.0.2.1]",
		"joe%far.example@example.org", "joe%virt.example@example.org", "far.example!joe@example.org", "joe%example.org%example.org@example.org", "joe%example.org@far.example",
		"joe%else.test", "ann%old.example@mail.example.org",
	}
	trialMailers = []string{"far.example", ".far.example", ".a.far.example", "a.far.example", ".", "new.example", "host", ".test", "virt.example", "example.org", "else.test"}
	trialHops    = []string{
		"esmtp:hop.example", "smtp:[hop.example]", "relay:h1.example:h2.example,[h3.example]", "esmtp:you@hub.example", "local:trap", "local:", "error:5.7.1:550 Not wanted",
		"error:nouser:550 No such user", "error:550 No", "error:nohost 550 x", "smtp8:%1.hop.example", "dsmtp:hop.example", "esmtp:[192.0.2.9]",
	}
	trialVirtuals = []string{
		"joe@virt.example", "ann+x@virt.example", "ann++@virt.example", "ann+*@virt.example", "ann@virt.example", "++@virt.example", "+*@virt.example", "@virt.example",
		"joe@example.org", "ann+*@example.org", "@example.org", "sue@mail.example.org", "joe+*@sub.virt.example", "@sub.virt.example", "sue+*@example.org",
	}
	trialPeople = []string{"kim", "kim.%1", "kim-%1-%2", "kim%3@far.example", "kim@else.test", "%1@kim.example", "error:nouser 550 Not here", "error:5.7.0:550 Go away", "kim+%2@a.far.example"}
)

// A bench is one configuration of both; except is an address that goes another
// way by intent.
type bench struct{ name, mc, toml, except string }

var benches = []bench{
	{"plain", "", "", ""},
	{"entire domain", "FEATURE(virtuser_entire_domain)dnl\n", "virtuser_entire_domain = true\n", ""},
	{"smart host", "define(`SMART_HOST', `esmtp:[smart.example]')dnl\n", "smart_host = \"esmtp:[smart.example]\"\n", ""},
	// For an address in brackets sendmail's mailer is esmtp, for all else relay.
	{"smart host without a mailer", "define(`SMART_HOST', `smart.example')dnl\n", "smart_host = \"smart.example\"\n", "joe@[198.51.100.7]"},
}

// TestMailGoesWhereSendmailSendsIt asks the real sendmail, by its test mode, and
// ours where mail goes by the same maps.
//
// Coverage: A24, A26, A27, X6.
func TestMailGoesWhereSendmailSendsIt(t *testing.T) {
	r := rand.New(rand.NewPCG(24, 27)) //nolint:gosec // made up, and the same each time
	for _, one := range benches {
		t.Run(one.name, func(t *testing.T) {
			theirs := lab.NewSendmail(t, nil, "127.0.0.1 localhost\n198.18.0.25 mail.example.org\n")
			compared := 0
			for range 12 {
				w := world{
					toml: "[mta.route]\nvirt_host = [\"virt.example\"]\n" + one.toml,
					maps: map[string]string{
						"mailertable": trialMap(r, trialMailers, trialHops), "virtusertable": trialMap(r, trialVirtuals, trialPeople),
						"domaintable": "old.example new.example\n",
					},
				}
				for name, text := range w.maps {
					theirs.Map(t, name, text)
				}
				table := begin(t, w)
				var questions []string
				for _, address := range trialAddresses {
					questions = append(questions, "3,0 "+address)
				}
				answers := theirs.Answers(t, fmt.Sprintf(`define(confDOMAIN_NAME, mail.example.org)dnl
LOCAL_DOMAIN(example.org)dnl
LOCAL_DOMAIN([192.0.2.1])dnl
VIRTUSER_DOMAIN(virt.example)dnl
FEATURE(mailertable, hash %s)dnl
FEATURE(virtusertable, hash %s)dnl
FEATURE(domaintable, hash %s)dnl
%s`, theirs.Path("mailertable"), theirs.Path("virtusertable"), theirs.Path("domaintable"), one.mc), questions)
				for i, address := range trialAddresses {
					want, got := theirAnswer(answers[i]), table.ourAnswer(t, address)
					if compared++; want != got && address != one.except {
						t.Errorf("%s\n sendmail %s\n ours     %s", address, want, got)
					}
				}
				if t.Failed() {
					t.Fatalf("by\n%s\n%s", w.maps["mailertable"], w.maps["virtusertable"])
				}
			}
			if compared < 300 {
				t.Errorf("only %d answers were compared", compared)
			}
		})
	}
}

// trialMap is a map with some of the keys.
func trialMap(r *rand.Rand, keys, values []string) string {
	var b strings.Builder
	for _, key := range keys {
		if r.IntN(2) == 0 {
			fmt.Fprintf(&b, "%s\t%s\n", key, values[r.IntN(len(values))])
		}
	}
	return b.String()
}

var (
	lastRule   = regexp.MustCompile(`(?m)^(?:parse|Parse1|Parse0|localaddr) +returns: (.*)$`)
	theirError = regexp.MustCompile(`^\$# error (?:\$@ (.*?) )?\$: (.*)$`)
	theirLocal = regexp.MustCompile(`^\$#local(?:\$@.*?)?\$:@?(.*)$`)
	theirHop   = regexp.MustCompile(`^\$#([a-z0-9]+)\$@(.*?)\$:(.*)<@(.*?)\.?>$`)
	codeOfText = regexp.MustCompile(`^\d\d\d `)
)

// theirAnswer is what sendmail's test mode has come to.
func theirAnswer(text string) string {
	all := lastRule.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return text
	}
	line := all[len(all)-1][1]
	if m := theirError.FindStringSubmatch(line); m != nil {
		if !codeOfText.MatchString(m[2]) {
			m[2] = "553 " + m[2]
		}
		return m[2]
	}
	line = strings.ReplaceAll(line, " ", "")
	if m := theirLocal.FindStringSubmatch(line); m != nil {
		return "local " + strings.TrimSuffix(m[1], "+") // an empty detail is none
	}
	if m := theirHop.FindStringSubmatch(line); m != nil {
		return m[1] + ":" + strings.TrimSuffix(m[2], ".") + " " + m[3] + "@" + m[4]
	}
	return line
}

// TestNobodysMailGoesWhereSendmailSendsIt asks both for a name that is no user's,
// after aliases: sendmail's ruleset 5.
//
// Coverage: A30.
func TestNobodysMailGoesWhereSendmailSendsIt(t *testing.T) {
	theirs := lab.NewSendmail(t, nil, "127.0.0.1 localhost\n198.18.0.25 mail.example.org\n")
	for _, relay := range []string{"local:trap", "other.example", "smtp:[192.0.2.7]", "esmtp:trap@other.example", "error:5.1.1:550 Nobody here"} {
		answers := theirs.Answers(t, "define(confDOMAIN_NAME, mail.example.org)dnl\ndefine(`LUSER_RELAY', `"+relay+"')dnl\n", []string{"localaddr jeo", "localaddr root"})
		w := begin(t, world{toml: "[mta.deliver]\nluser_relay = \"" + relay + "\"\n"})
		s := w.table.Unknown(t.Context(), Step{Kind: Mailbox, User: "jeo", Bare: true, Address: "jeo@mail.example.org"})
		got := string(s.Hop.Route()) + " " + s.Address
		switch s.Kind {
		case Again:
			got = "local " + s.Address
		case Refused:
			got = fmt.Sprintf("%d %s", s.Reply.Code, s.Reply.Text)
		}
		if want := theirAnswer(answers[0]); got != want {
			t.Errorf("%s\n sendmail %s\n ours     %s", relay, want, got)
		}
		if want := theirAnswer(answers[1]); want != "root" {
			t.Errorf("%s takes the mail of a user: %s", relay, want)
		}
	}
}

// ourAnswer is the same of ours.
func (w *world) ourAnswer(t *testing.T, address string) string {
	t.Helper()
	for range 20 {
		s, err := w.table.Next(t.Context(), "", address)
		switch {
		case err != nil:
			return err.Error()
		case s.Kind == Again:
			address = s.Address
		case s.Kind == Mailbox:
			return "local " + named(s)
		case s.Kind == Away:
			return string(s.Hop.Route()) + " " + s.Address
		default:
			return fmt.Sprintf("%d %s", s.Reply.Code, s.Reply.Text)
		}
	}
	return "a loop"
}
