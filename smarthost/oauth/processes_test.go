package oauth

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"mailcrane/internal/config"
)

// A strict issuer takes each refresh token once, and ends the log-in where one
// comes again, as RFC 9700 section 4.14.2 has it.
type strict struct {
	mu      sync.Mutex
	current string
	reused  int
	given   int
}

func (s *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if strings.Contains(r.URL.Path, "well-known") {
		base := "https://" + r.Host
		json.NewEncoder(w).Encode(map[string]string{"issuer": base, "token_endpoint": base + "/token"})
		return
	}
	if r.FormValue("refresh_token") != s.current {
		s.reused++
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant"}`)
		return
	}
	s.given++
	s.current = fmt.Sprintf("refresh-%d", s.given)
	fmt.Fprintf(w, `{"access_token":"access-%d","token_type":"Bearer","expires_in":60,"refresh_token":%q}`, s.given, s.current)
}

const childOf = "MAILCRANE_TEST_MINT"

// TestMain is also the process that makes tokens for the tests below: its
// environment says with which account, and where it dies.
func TestMain(m *testing.M) {
	if os.Getenv(childOf) == "" {
		os.Exit(m.Run())
	}
	var a config.Account
	if err := json.Unmarshal([]byte(os.Getenv(childOf)), &a); err != nil {
		panic(err)
	}
	w := World{}
	if os.Getenv(childOf+"_DIES") != "" {
		w.Transport = dying{transport(nil)}
	}
	for range 3 {
		if _, _, err := New(&a, w).Mint(context.Background()); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	os.Exit(0)
}

// dying ends the process when the issuer's answer has come, and before anything
// of it is kept.
type dying struct{ http.RoundTripper }

func (d dying) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := d.RoundTripper.RoundTrip(r)
	if r.Method == http.MethodPost {
		os.Exit(2)
	}
	return answer, err
}

// beside is an account at a strict issuer, and a process that makes tokens there.
func beside(t *testing.T) (s *stage, issuer *strict, child func(dies string) *exec.Cmd) {
	t.Helper()
	issuer = &strict{current: planted}
	server := httptest.NewTLSServer(issuer)
	t.Cleanup(server.Close)
	s = newStage(t)
	s.account.OAuth.Issuer, s.world.Transport = server.URL, server.Client().Transport
	s.loggedIn(planted)
	ca := s.account.Secret.Value + ".ca"
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s.account)
	if err != nil {
		t.Fatal(err)
	}
	return s, issuer, func(dies string) *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childOf+"="+string(text), childOf+"_DIES="+dies, "SSL_CERT_FILE="+ca)
		return cmd
	}
}

func TestOneProcessAtATimeRefreshes(t *testing.T) {
	s, issuer, child := beside(t)
	const processes = 3
	var all sync.WaitGroup
	for range processes {
		all.Go(func() {
			if out, err := child("").CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	all.Wait()
	issuer.mu.Lock()
	defer issuer.mu.Unlock()
	if issuer.reused != 0 || issuer.given != 3*processes || s.kept() != issuer.current {
		t.Errorf("%d tokens were used again, %d given; %s is kept, and %s holds", issuer.reused, issuer.given, s.kept(), issuer.current)
	}
}

// What a crash between the answer and the write loses, only a person can mend:
// the issuer is asked once more, and not again and again.
func TestACrashBeforeTheNewTokenIsKeptEndsInOneSentence(t *testing.T) {
	s, issuer, child := beside(t)
	if err := child("yes").Run(); err == nil {
		t.Fatal("the process did not die")
	}
	if s.kept() != planted {
		t.Errorf("kept is %s", s.kept())
	}
	m := New(s.account, s.world)
	began := time.Now()
	for range 3 {
		if _, _, err := m.Mint(t.Context()); !errors.Is(err, ErrEnded) {
			t.Errorf("got %v", err)
		}
	}
	if issuer.reused != 1 || time.Since(began) > lockLimit/2 {
		t.Errorf("the issuer was asked %d times; it took %v: the lock outlived its process", issuer.reused, time.Since(began))
	}
}
