package trial

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
)

// deadAccounts are accounts that cannot send, each for a reason of its own, by
// the name in their senders' addresses.
func deadAccounts(w *away, h *home) (names []string, toml string) {
	silent := w.Gateway.Listen(lab.SmarthostIP + ":2465")
	w.t.Cleanup(func() { silent.Close() }) // the kernel accepts, and nobody reads
	h.write("wrong", "another password\n")
	h.write("slow-secret", "#!/bin/sh\nexec sleep 3600\n")
	for name, lines := range map[string]string{
		"refused":  h.account("smtps://"+lab.SmarthostIP+":1", w.server.user, w.server.caFile),
		"lost":     h.account("smtps://203.0.113.99", w.server.user, w.server.caFile),
		"nameless": h.account("smtps://smtp.nowhere.test", w.server.user, w.server.caFile),
		"silent":   h.account("smtps://"+lab.SmarthostIP+":2465", w.server.user, w.server.caFile),
		"mute":     h.account("smtp://"+lab.SmarthostIP+":2465", w.server.user, w.server.caFile),
		"wrong":    strings.Replace(h.account("smtps://smarthost.test", w.server.user, w.server.caFile), "file:~/password", "file:~/wrong", 1),
		"asking":   strings.Replace(h.account("smtps://smarthost.test", w.server.user, w.server.caFile), "file:~/password", "command:sh ~/slow-secret", 1),
	} {
		names = append(names, name)
		toml += fmt.Sprintf("[account.%s]\nfrom = [%q]\n%s", name, name+"@trial.example", lines)
	}
	return names, toml
}

// One smarthost that is dead, in whatever way, and a keyring that waits for an
// answer: another account's mail leaves as if they were not there.
func TestADeadSmarthostDelaysNoOtherAccount(t *testing.T) {
	t.Parallel()
	n := lab.Netns(t)
	s := unstarted(t)
	s.serve(n.Gateway.Listen(lab.SmarthostIP + ":465"))
	h := newHome(t, "", s.password)
	h.within = n.Laptop.Command
	w := &away{n, t, s, h, nil}
	dead, toml := deadAccounts(w, h)
	h.configure(h.account("smtps://smarthost.test", s.user, s.caFile) + toml)
	for _, name := range dead {
		for i := range 3 {
			if r := h.run(letter(fmt.Sprintf("%s-%d", name, i)), "sendmail", "-oi", "-f", name+"@trial.example", you); r.code != sysexits.OK {
				t.Fatalf("%s: exit code %d: %s", name, r.code, r.said())
			}
		}
	}
	w.agent = h.agent()
	var most time.Duration
	for i := range 10 {
		id := fmt.Sprintf("alive-%d", i)
		h.mail(id, you)
		began := time.Now()
		most = max(most, s.wantArrival(t, id).at.Sub(began))
		if i%3 == 2 {
			w.RouteDown()
			w.noticed("there is no default route", i/3)
			w.RouteUp()
		}
	}
	t.Logf("beside %d accounts that cannot send, the slowest of ten letters took %v", len(dead), most)
	if most > 3*time.Second {
		t.Errorf("a letter took %v; the agent said:\n%s", most, w.agent.said())
	}
	// The last of the others has arrived, and its result may yet be written down.
	waiting := slices.DeleteFunc(h.list(), func(i item) bool { return i.From == me })
	if n := len(waiting); n != 3*len(dead) {
		t.Errorf("%d letters are in the queue, want %d", n, 3*len(dead))
	}
	for _, item := range waiting {
		if item.Attempts > 0 || item.State != "queued" {
			t.Errorf("a letter was touched: %+v", item)
		}
	}
	// A queue run that somebody waits for ends when the last route has been tried;
	// what can leave leaves at once all the same.
	run := h.begin("mailcrane", "flush")
	h.mail("beside-a-flush", you)
	began := time.Now()
	if took := s.wantArrival(t, "beside-a-flush").at.Sub(began); took > 3*time.Second {
		t.Errorf("beside a flush a letter took %v", took)
	}
	run.cmd.Process.Kill()
	run.cmd.Wait()
	run.limit.Stop()
}
