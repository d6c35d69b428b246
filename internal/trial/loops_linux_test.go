package trial

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Whatever points at itself, mail to it ends, and its sender hears of it once.
func TestEachLoopEndsWithOneBounceAtTheMost(t *testing.T) {
	v := newVillage(t)
	v.hub.chart("aliases", "root: me\npostmaster: root\nround: square\nsquare: round\npong: ann@two.test\n")
	forward := filepath.Join(v.two.dir, "home/ann/.forward")
	if err := os.WriteFile(forward, []byte("pong@hub.test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(forward, villageUser, villageUser); err != nil {
		t.Fatal(err)
	}
	v.hub.begin()
	v.two.begin()
	loops := []struct{ reason, from, id, to, says string }{
		{"two aliases that point at each other", "me@hub.test", "loop-alias", "round@hub.test", "5.4.6"},
		{"a .forward, and an alias on another machine that points back", "me@hub.test", "loop-forward", "pong@hub.test", "5.4.6"},
		{"a domain whose exchanger is this server, which does not have it", "me@hub.test", "loop-self", "x@self.test", "5.3.5"},
		{"two servers that send the same domain to each other", "me@hub.test", "loop-servers", "x@ping.test", "5.4.6"},
		{"a bounce to a sender who is nobody, and so to the postmaster", "nobody@hub.test", "loop-bounce", "nobody@two.test", "5.1.1"},
	}
	for _, l := range loops {
		v.hub.hands(l.from, l.id, l.to)
	}
	told := func(id string) (n int, text string) {
		for _, letter := range v.hub.mailbox("me") {
			if strings.Contains(letter, "multipart/report") && strings.Contains(letter, "<"+id+"@") {
				n, text = n+1, letter
			}
		}
		return n, text
	}
	ofServer := regexp.MustCompile(`(?m)^Reporting-MTA: dns; [a-z.]*(hub|two)\.test\r?$`)
	for _, l := range loops {
		await(t, l.reason+" is told", func() bool { n, _ := told(l.id); return n > 0 })
	}
	await(t, "nothing waits", func() bool { return len(v.hub.queued())+len(v.two.queued()) == 0 })
	for _, l := range loops {
		if n, text := told(l.id); n != 1 || !strings.Contains(text, l.says) {
			t.Errorf("%s: %d reports, the last:\n%s", l.reason, n, text)
		}
		if _, text := told(l.id); !ofServer.MatchString(text) {
			t.Errorf("%s: no server of the two reports it:\n%s", l.reason, text)
		}
	}
	if all := v.hub.mailbox("me"); len(all) != len(loops) {
		t.Errorf("me has %d letters, not %d", len(all), len(loops))
	}
	if all := v.two.mailbox("ann"); len(all) != 0 {
		t.Errorf("ann has %d letters", len(all))
	}
}
