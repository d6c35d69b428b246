package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"mailcrane/queue"
)

// told is what a scrape reads after each kind of thing has happened once.
func told(t *testing.T) string {
	t.Helper()
	m := NewMetrics()
	now := time.Unix(1_000_000_000, 0)
	m.Depth(func(f func(queue.Name) bool) error { f(queue.Name{Size: 7, Held: true}); return nil }, func() time.Time { return now })
	m.Certificates(func() map[string]time.Time { return map[string]time.Time{"/etc/ssl/mail.pem": now} })
	w := New(Options{Metrics: m, Now: func() time.Time { return now }})
	v := w.Visit(client)
	v.Heard("EHLO x")
	v.Rejected("", "check_rcpt", "x", &smtp.SMTPError{Code: 550})
	v.Received(Message{ID: "A", Size: 5, Recipients: 2, Put: time.Millisecond})
	v.Authenticated("PLAIN", "jo", nil)
	v.Secured(nil, "", errors.New("x"))
	w.attempt(sentTo("a@b.example"), 0)
	m.BlockList("dnsbl.example", true, nil)
	m.Greylist(true)
	return scrape(t, m)
}

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	r := httptest.NewRecorder()
	m.Handler(nil, nil).ServeHTTP(r, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if r.Code != http.StatusOK {
		t.Fatalf("%d: %s", r.Code, r.Body)
	}
	return r.Body.String()
}

func TestMetricsAreClean(t *testing.T) {
	problems, err := promlint.New(strings.NewReader(told(t))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestTheDashboardAsksForWhatIsTold(t *testing.T) {
	text, err := os.ReadFile("../../docs/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	metrics := told(t)
	exported := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(mailcrane_\w+)`).FindAllString(metrics, -1) {
		exported[m] = true
	}
	asked := map[string]bool{}
	for _, p := range board.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("%s asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			names := regexp.MustCompile(`mailcrane_\w+`).FindAllString(target.Expr, -1)
			if len(names) == 0 {
				t.Errorf("%s: %s names no metric", p.Title, target.Expr)
			}
			for _, name := range names {
				asked[strings.TrimSuffix(name, "_bucket")] = true
				if !exported[name] {
					t.Errorf("%s asks for %s, which nobody tells", p.Title, name)
				}
			}
			for _, m := range regexp.MustCompile(`by \(([a-z, ]+)\)`).FindAllStringSubmatch(target.Expr, -1) {
				for label := range strings.SplitSeq(m[1], ", ") {
					if !strings.Contains(metrics, label+"=") {
						t.Errorf("%s: no metric has the label %s", p.Title, label)
					}
				}
			}
		}
	}
	if len(board.Panels) < 10 || len(asked) < 15 {
		t.Errorf("%d panels ask for %d metrics", len(board.Panels), len(asked))
	}
}

func TestNoWordOfAClientBecomesALabel(t *testing.T) {
	m := NewMetrics()
	w := New(Options{Metrics: m})
	v := w.Visit(client)
	before := strings.Count(scrape(t, m), "\n")
	for i := range 50 {
		word := fmt.Sprintf("hostile%d", i)
		v.Heard(word + " x")
		v.Authenticated(word, word, errors.New(word))
		v.Rejected(word, word, word, &smtp.SMTPError{Code: 1000 + i, Message: word})
		v.Discarded(word, word)
		v.Received(Message{ID: word, From: word, Body: word, Protocol: word})
	}
	got := scrape(t, m)
	if strings.Contains(got, "hostile") || strings.Count(got, "\n") > before+15 {
		t.Errorf("clients made labels: %d lines before, now\n%s", before, got)
	}
}

func TestTheQueueIsCountedByStateAndAge(t *testing.T) {
	m := NewMetrics()
	now := time.Unix(1_700_000_000, 0)
	reads := 0
	old := queue.ID("")
	m.Depth(func(f func(queue.Name) bool) error {
		reads++
		for _, n := range []queue.Name{{Size: 1}, {Size: 2, Next: now.Add(time.Hour)}, {Size: 4, Held: true}, {Size: 8, Held: true, Quarantined: true}} {
			n.ID = old
			f(n)
		}
		return errors.New("a file is damaged")
	}, func() time.Time { return now })
	got := scrape(t, m)
	for _, line := range []string{
		`mailcrane_queue_messages{age="older",state="due"} 1`,
		`mailcrane_queue_messages{age="older",state="waiting"} 1`,
		`mailcrane_queue_messages{age="older",state="held"} 1`,
		`mailcrane_queue_messages{age="older",state="quarantined"} 1`,
		`mailcrane_queue_messages{age="1h",state="due"} 0`,
		"mailcrane_queue_bytes 15",
		"mailcrane_queue_unreadable 1",
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("nobody tells %s:\n%s", line, got)
		}
	}
	scrape(t, m)
	now = now.Add(depthLasts)
	scrape(t, m)
	if reads != 2 {
		t.Errorf("the queue was read %d times", reads)
	}
}

func TestHealthSaysWhatIsWrong(t *testing.T) {
	wrong := errors.New("the disk is full")
	alive := []Check{{"process", func(context.Context) error { return nil }}}
	ready := append(slices.Clip(alive), Check{"spool", func(context.Context) error { return wrong }})
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is there at once
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, l, NewMetrics().Handler(alive, ready), slog.New(slog.DiscardHandler))
	}()
	for _, c := range []struct {
		path, want string
		code       int
	}{
		{"/healthz", `{"ok":true,"checks":[{"name":"process","ok":true}]}`, 200},
		{"/readyz", `{"ok":false,"checks":[{"name":"process","ok":true},{"name":"spool","ok":false,"why":"the disk is full"}]}`, 503},
		{"/other", "404 page not found", 404},
	} {
		r, err := http.Get("http://" + l.Addr().String() + c.path) //nolint:noctx // this machine
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		fmt.Fprint(&b, readAll(t, r))
		if strings.TrimSpace(b.String()) != c.want || r.StatusCode != c.code {
			t.Errorf("%s: %d %s", c.path, r.StatusCode, b.String())
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
