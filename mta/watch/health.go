package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// A Check is one thing without which a server does not work.
type Check struct {
	Name string
	// Fails says what is wrong, in words for an administrator; nil is well.
	Fails func(context.Context) error
}

// A Health is what /healthz and /readyz answer.
type Health struct {
	OK     bool    `json:"ok"`
	Checks []State `json:"checks"`
}

// A State is how one check ended.
type State struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Why  string `json:"why,omitempty"`
}

// patience is how long all checks may take together.
const patience = 5 * time.Second

// Look makes the checks.
func Look(ctx context.Context, checks []Check) Health {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	h := Health{OK: true}
	for _, c := range checks {
		s := State{Name: c.Name, OK: true}
		if err := c.Fails(ctx); err != nil {
			s.OK, s.Why, h.OK = false, words(err.Error()), false
		}
		h.Checks = append(h.Checks, s)
	}
	return h
}

// Handler answers /metrics, /healthz, which says that the process works, and
// /readyz, which says that it can take mail in: with 200, or 503 and why not.
func (m *Metrics) Handler(alive, ready []Check) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 20 * time.Second}))
	mux.Handle("GET /healthz", answers(alive))
	mux.Handle("GET /readyz", answers(ready))
	return mux
}

// lookLasts is how long what checks have found is told again: whoever asks more
// often makes no more work.
const lookLasts = 5 * time.Second

func answers(checks []Check) http.Handler {
	var mu sync.Mutex
	var last time.Time
	var found Health
	look := func() Health {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); last.IsZero() || now.Sub(last) >= lookLasts {
			// Not for the one who asks: others hear it too.
			found, last = Look(context.Background(), checks), now
		}
		return found
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := look()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !h.OK {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(h) // who asked may have gone
	})
}

// Serve answers on l until ctx is done, and closes it.
func Serve(ctx context.Context, l net.Listener, h http.Handler, faults *slog.Logger) error {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 8 << 10, ErrorLog: log.New(faultLog{faults}, "", 0),
	}
	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("telling metrics on %v: %w", l.Addr(), err)
	}
	return nil
}

// faultLog takes what net/http finds wrong with a client, which is of no
// importance.
type faultLog struct{ *slog.Logger }

func (f faultLog) Write(p []byte) (int, error) {
	f.Debug(words(string(p)))
	return len(p), nil
}
