package smarthost

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// deaf is a dialer to a server that nothing comes back from.
func deaf() func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
}

// Coverage: B9, B10, B11.
func TestConnectIsGivenUpInTime(t *testing.T) {
	for _, c := range []struct {
		why      string
		change   func(*config.Timeout)
		first    bool
		after    time.Duration
		sentence string
	}{
		{"Timeout.connect by default", func(*config.Timeout) {}, true, 30 * time.Second, "within 30s"},
		{"Timeout.iconnect on the first try", func(t *config.Timeout) { t.IConnect = 5 * time.Second }, true, 5 * time.Second, "within 5s"},
		{"Timeout.connect on the next", func(t *config.Timeout) { t.IConnect = 5 * time.Second }, false, 30 * time.Second, "within 30s"},
		{"Timeout.aconnect where it is the least", func(t *config.Timeout) { t.AConnect = 8 * time.Second }, false, 8 * time.Second, "within 8s"},
		{"Timeout.aconnect changes nothing where it is more", func(t *config.Timeout) { t.AConnect = time.Hour }, false, 30 * time.Second, "within 30s"},
		{"Timeout.aconnect where connect has no limit", func(t *config.Timeout) { t.Connect, t.AConnect = -1, time.Minute }, false, time.Minute, "within 1m0s"},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				timeouts := config.DefaultTimeout()
				c.change(&timeouts)
				a := &config.Account{Name: "work", Auth: "none", Smarthost: config.Smarthost{Host: "127.0.0.1", Port: "25", TLS: config.Insecure}}
				out := New(&config.Config{Accounts: []*config.Account{a}, Privacy: true, Timeout: timeouts}, Options{Dial: deaf()})
				ctx := t.Context()
				if c.first {
					ctx = queue.FirstTry(ctx)
				}
				began := time.Now()
				_, fault := out.Open(ctx, "work")
				if took := time.Since(began); fault == nil || took != c.after || !strings.Contains(fault.Sentence(), c.sentence) {
					t.Errorf("after %v: %v", took, fault.Sentence())
				}
			})
		})
	}
}

// The connects of one opening are counted together: where the log-in was
// refused with a remembered secret, there is a second one.
//
// Coverage: B11.
func TestAllConnectsOfOneOpeningShareTheirTime(t *testing.T) {
	c := &connects{limit: 10 * time.Second, spent: 10 * time.Second}
	target, _ := New(&config.Config{Privacy: true, Timeout: config.DefaultTimeout()}, Options{}).target("work", &config.Account{Name: "work"})
	if c.allow(&target) {
		t.Error("a connect was allowed when no time was left")
	}
	c.spent = 7 * time.Second
	if !c.allow(&target) || target.Timeouts.Connect != 3*time.Second {
		t.Errorf("the next connect has %v, want what is left", target.Timeouts.Connect)
	}
	synctest.Test(t, func(t *testing.T) {
		c := &connects{limit: 10 * time.Second, now: time.Now, dial: deaf()}
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		if _, err := c.count(ctx, "tcp", "x"); err == nil || c.spent != 4*time.Second {
			t.Errorf("%v: %v counted, want 4s", err, c.spent)
		}
	})
}
