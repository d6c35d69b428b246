package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/mta"
	"mailcrane/mta/expand"
	"mailcrane/mta/names"
	"mailcrane/queue"
)

const testModeHelp = `There are no rulesets; what a number before an address names is the same for all.
  3,0 ADDRESS, /parse ADDRESS   where mail to the address goes, step by step, and what it comes to
  /map NAME KEY                 what the mailertable, virtusertable, domaintable or genericstable has for the key
  /mx HOST                      the mail exchangers of a host
  /quit                         the end; as the end of input is
`

// A tester answers the questions of -bt.
type tester struct {
	*services
	config  *config.Config
	routing *mta.Routing
}

// AddressTest is -bt of a server: it answers line by line where mail goes, and sends
// nothing.
func (s *services) AddressTest(ctx context.Context, in io.Reader) int {
	c, err := s.config()
	if err != nil {
		return s.fail(err)
	}
	routing, err := mta.NewRouting(c, mta.RoutingOptions{Now: s.now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return s.fail(err)
	}
	t := &tester{s, c, routing}
	fmt.Fprintln(s.stdout, "ADDRESS TEST MODE (there are no rulesets)\nEnter 3,0 and an address, or ? for help")
	lines := bufio.NewScanner(in)
	for {
		fmt.Fprint(s.stdout, "> ")
		if !lines.Scan() {
			fmt.Fprintln(s.stdout)
			return sysexits.OK
		}
		if !t.answer(ctx, strings.Fields(lines.Text())) {
			return sysexits.OK
		}
	}
}

// answer does one line, and says false where it is the last.
func (t *tester) answer(ctx context.Context, words []string) bool {
	switch {
	case len(words) == 0 || strings.HasPrefix(words[0], "#"):
	case words[0] == "/quit":
		return false
	case words[0] == "/parse" && len(words) == 2, strings.Trim(words[0], "0123456789,") == "" && len(words) > 1:
		t.parse(ctx, strings.Join(words[1:], " "))
	case words[0] == "/map" && len(words) == 3:
		t.lookUp(ctx, words[1], words[2])
	case words[0] == "/mx" && len(words) == 2:
		t.exchangers(ctx, words[1])
	default:
		fmt.Fprint(t.stdout, testModeHelp)
	}
	return true
}

func (t *tester) parse(ctx context.Context, address string) {
	answers, err := t.routing.Expander.Expand(ctx, []expand.Question{{Sender: "postmaster@" + mta.Hostname(t.config), Recipient: queue.Recipient{Address: address}}})
	if err != nil {
		fmt.Fprintln(t.stdout, printable(err.Error()))
		return
	}
	for _, line := range answers[0].Story {
		text := strings.Repeat("  ", line.Depth) + line.Text
		if line.Where != "" {
			text += " (" + line.Where + ")"
		}
		fmt.Fprintln(t.stdout, printable(text))
	}
	for i := range answers[0].Destinations {
		name, text := final(t.config, &answers[0].Destinations[i])
		fmt.Fprintf(t.stdout, "%s... %s\n", printable(name), printable(text))
	}
}

func (t *tester) lookUp(ctx context.Context, name, key string) {
	value, where, ok, err := t.routing.Table.Ask(ctx, name, key)
	switch {
	case err != nil:
		fmt.Fprintf(t.stdout, "map_lookup: %s (%s): %s\n", printable(name), printable(key), printable(err.Error()))
	case !ok:
		fmt.Fprintf(t.stdout, "map_lookup: %s (%s) no match (%d)\n", printable(name), printable(key), sysexits.Unavailable)
	default:
		fmt.Fprintf(t.stdout, "map_lookup: %s (%s) returns %s (%s)\n", printable(name), printable(key), printable(value), printable(where))
	}
}

func (t *tester) exchangers(ctx context.Context, host string) {
	all, err := t.routing.Names.Exchangers(ctx, host)
	if err != nil && !errors.Is(err, names.ErrNone) {
		fmt.Fprintf(t.stdout, "getmxrr(%s): %s\n", printable(host), printable(err.Error()))
		return
	}
	fmt.Fprintf(t.stdout, "getmxrr(%s) returns %d value(s):\n", printable(host), len(all))
	for _, mx := range all {
		fmt.Fprintf(t.stdout, "\t%s (%d)\n", printable(mx.Host), mx.Preference)
	}
}
