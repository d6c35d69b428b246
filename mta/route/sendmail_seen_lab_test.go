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

// The senders of the trial, and the entries of the genericstable for them.
var (
	seenAddresses = []string{
		"joe", "ann+x", "root", "joe@example.org", "ann+x@example.org", "root@example.org", "joe@hidden.example", "joe@a.hidden.example", "root@hidden.example",
		"joe@open.example.org", "joe@gen.example", "ann+x@gen.example", "ann+@gen.example", "sue@gen.example", "joe@a.gen.example", "joe@far.example", "joe@old.example", "Joe@Example.ORG",
	}
	seenKeys = []string{
		"joe@gen.example", "ann+x@gen.example", "ann+*@gen.example", "ann@gen.example", "@gen.example", "joe", "ann+x", "ann+*", "ann", "joe@mail.example.org", "joe@a.gen.example", "@a.gen.example",
		"ann+*@mail.example.org", "root",
	}
	seenValues = []string{"kim@public.example", "kim-%1@public.example", "kim", "kim@gen.example", "kim+%1"}
)

// TestSendersAreSeenAsSendmailShowsThem asks both what becomes of an address of
// the envelope and of the header on its way to esmtp.
//
// Coverage: X6.
func TestSendersAreSeenAsSendmailShowsThem(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6)) //nolint:gosec // made up, and the same each time
	ways := []struct {
		flags string
		as    func(*Rewriter, string) (string, error)
	}{{"HS", inHeader(t)}, {"ES", inEnvelope(t)}, {"HR", asRecipient(t)}}
	theirs := lab.NewSendmail(t, nil, "127.0.0.1 localhost\n198.18.0.25 mail.example.org\n")
	for _, one := range []bench{
		{"plain", "", "", ""},
		{"envelope", "FEATURE(masquerade_envelope)dnl\n", "envelope = true\n", ""},
		{"all", "FEATURE(allmasquerade)dnl\n", "all = true\n", ""},
		{"entire domain", "FEATURE(masquerade_entire_domain)dnl\n", "entire_domain = true\n", ""},
		{"limited", "FEATURE(limited_masquerade)dnl\n", "limited = true\n", ""},
		{"generics below", "FEATURE(generics_entire_domain)dnl\n", "[mta.route]\ngenerics_entire_domain = true\n", ""},
	} {
		t.Run(one.name, func(t *testing.T) {
			for range 6 {
				w := world{
					toml: "[mta.masquerade]\nas = \"public.example\"\ndomains = [\"hidden.example\"]\nexceptions = [\"open.example.org\"]\nexposed_users = [\"root\"]\n" + one.toml,
					maps: map[string]string{"genericstable": trialMap(r, seenKeys, seenValues), "domaintable": "old.example hidden.example\n"},
				}
				if !strings.Contains(w.toml, "[mta.route]") {
					w.toml += "[mta.route]\n"
				}
				w.toml += "generics = [\"gen.example\"]\n"
				for name, text := range w.maps {
					theirs.Map(t, name, text)
				}
				ours := begin(t, w)
				mc := fmt.Sprintf("define(confDOMAIN_NAME, mail.example.org)dnl\nLOCAL_DOMAIN(example.org)dnl\nLOCAL_DOMAIN(open.example.org)dnl\nMASQUERADE_AS(public.example)dnl\nMASQUERADE_DOMAIN(hidden.example)dnl\n"+
					"MASQUERADE_EXCEPTION(open.example.org)dnl\nEXPOSED_USER(root)dnl\nGENERICS_DOMAIN(gen.example)dnl\nFEATURE(genericstable, hash %s)dnl\nFEATURE(domaintable, hash %s)dnl\n%s",
					theirs.Path("genericstable"), theirs.Path("domaintable"), one.mc)
				var questions []string
				for _, way := range ways {
					questions = append(questions, "/tryflags "+way.flags)
					for _, address := range seenAddresses {
						questions = append(questions, "/try esmtp "+address)
					}
				}
				answers := theirs.Answers(t, mc, questions)
				for _, way := range ways {
					answers = answers[1:] // that of /tryflags is nothing
					for _, address := range seenAddresses {
						got, err := way.as(ours.table.Rewriter(false), address)
						if want := tried(answers[0]); err != nil || !strings.EqualFold(got, want) {
							t.Errorf("%s %s\n sendmail %s\n ours     %s %v", way.flags, address, want, got, err)
						}
						answers = answers[1:]
					}
				}
				if t.Failed() {
					t.Fatalf("by\n%s", w.maps["genericstable"])
				}
			}
		})
	}
}

var tryAddress = regexp.MustCompile(`Rcode = \d+, addr = (.*)`)

// tried is the address that sendmail's /try has come to.
func tried(text string) string {
	m := tryAddress.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	return m[1]
}
