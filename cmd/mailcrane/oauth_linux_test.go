package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	gosasl "github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"mailcrane/internal/lab"
)

// A tokenServer is a smarthost that asks the issuer who a token is for.
type tokenServer struct {
	t         *testing.T
	issuer    *lab.Issuer
	client    *http.Client
	mechanism string
	address   string

	mu     sync.Mutex
	tokens map[string]bool // that logged in
	got    []string
}

func newTokenServer(t *testing.T, i *lab.Issuer, mechanism string) *tokenServer {
	t.Helper()
	certs := filepath.Dir(i.CAFile)
	cert, err := tls.LoadX509KeyPair(filepath.Join(certs, "good.pem"), filepath.Join(certs, "good.key"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(i.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	s := &tokenServer{
		t: t, issuer: i, mechanism: mechanism, address: l.Addr().String(), tokens: map[string]bool{},
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}},
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &tokenSession{server: s}, nil }))
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return s
}

var errToken = &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no"}

// check asks the issuer for whom the token is.
func (s *tokenServer) check(user, token string) error {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.issuer.URL+"/userinfo", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var who struct{ Email string }
	if answer.StatusCode != http.StatusOK || json.NewDecoder(answer.Body).Decode(&who) != nil || who.Email != user {
		s.t.Logf("the issuer says %s of the token of %q: %q", answer.Status, user, who.Email)
		return errToken
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = true
	return nil
}

type tokenSession struct {
	server *tokenServer
	in     bool
}

func (s *tokenSession) AuthMechanisms() []string { return []string{"PLAIN", s.server.mechanism} }

func (s *tokenSession) Auth(mechanism string) (gosasl.Server, error) {
	switch mechanism {
	case gosasl.OAuthBearer:
		return gosasl.NewOAuthBearerServer(func(o gosasl.OAuthBearerOptions) *gosasl.OAuthBearerError {
			if s.server.check(o.Username, o.Token) != nil {
				return &gosasl.OAuthBearerError{Status: "invalid_token"}
			}
			s.in = true
			return nil
		}), nil
	case "XOAUTH2":
		return xoauth2Server(func(user, token string) error {
			err := s.server.check(user, token)
			s.in = err == nil
			return err
		}), nil
	}
	s.server.t.Errorf("the client chose %s", mechanism)
	return nil, errToken
}

type xoauth2Server func(user, token string) error

func (x xoauth2Server) Next(response []byte) ([]byte, bool, error) {
	if response == nil { // it did not fit into the command
		return []byte{}, false, nil
	}
	parts := strings.Split(string(response), "\x01")
	if len(parts) != 4 {
		return nil, true, errToken
	}
	return nil, true, x(strings.TrimPrefix(parts[0], "user="), strings.TrimPrefix(parts[1], "auth=Bearer "))
}

func (s *tokenSession) Mail(string, *smtp.MailOptions) error {
	if !s.in {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (s *tokenSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s *tokenSession) Reset()                               {}
func (s *tokenSession) Logout() error                        { return nil }
func (s *tokenSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.got = append(s.server.got, string(text))
	return err
}

// A person logs in at a real issuer with a real browser, the refresh token goes
// into a real keyring and is renewed there, and the server asks the issuer about
// the token.
//
// Coverage: oauth.
func TestALogInAtARealIssuerSendsMail(t *testing.T) {
	for _, c := range []struct{ name, flag, mechanism, address string }{
		{"browser", "", gosasl.OAuthBearer, `https://\S+/auth\?\S+`},
		{"code", "--device", "XOAUTH2", `https://\S+/device\?user_code=\S+`},
	} {
		t.Run(c.name, func(t *testing.T) {
			issuer, chromium := lab.StartIssuer(t, time.Minute), lab.StartBrowser(t)
			server := newTokenServer(t, issuer, c.mechanism)
			dir, client := t.TempDir(), issuer.ClientID
			if c.flag != "" {
				client = issuer.DeviceID
			}
			file := func(name, text string, mode os.FileMode) string {
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, []byte(text), mode); err != nil {
					t.Fatal(err)
				}
				return path
			}
			settings := file("mailcrane.toml", fmt.Sprintf(`delivery_mode = "deferred"
[queue]
directory = %q
[account.work]
from = ["kilgore@kilgore.trout"]
smarthost = "smtps://%s"
user = "kilgore@kilgore.trout"
tls = { ca = %q }
oauth = { issuer = %q, client_id = %q, lifetime = "7d" }
`, filepath.Join(dir, "spool"), server.address, issuer.CAFile, issuer.URL, client), 0o600)
			file("xdg-open", "#!/bin/sh\n", 0o700)
			cmd := lab.KeyringCommand(t, lab.Unlocked, nil, "sh", "-ec", `
				exec 2>&1 # what is said there comes late, and an address is waited for
				sendmail -i -f kilgore@kilgore.trout you@example.net <"$1"
				mailcrane flush || echo "before: $?"
				mailcrane login $2 work
				mailcrane flush
				secret-tool lookup service mailcrane username work/kilgore@kilgore.trout/login >"$3"
				mailcrane logout work
				mailcrane config check --online || echo "after: $?"
			`, "sh", file("letter", "Subject: hello\n\nby token\n", 0o600), c.flag, filepath.Join(dir, "kept"))
			cmd.Env = append(cmd.Env, "MAILCRANE_CONFIG="+settings, "PATH="+dir+":"+bin+":"+os.Getenv("PATH"), "SSL_CERT_FILE="+issuer.CAFile)
			cmd.Args = append(cmd.Args[:2:2], append([]string{"env", "DISPLAY=:99"}, cmd.Args[2:]...)...)
			said := runBeside(t, cmd, regexp.MustCompile(c.address), func(address string) {
				chromium.Open(address)
				want := "You are logged in"
				if c.flag != "" {
					want = "Login Successful"
				}
				chromium.LogIn(issuer, want)
			})
			for _, want := range []string{"nobody has logged in with account work", "type: mailcrane login work", "before: 75", "account work is logged in until", "1 delivered", "account work is logged out", "after: 69"} {
				if !strings.Contains(said, want) {
					t.Errorf("nothing says %q", want)
				}
			}
			server.mu.Lock()
			defer server.mu.Unlock()
			if len(server.got) != 1 || len(server.tokens) != 1 {
				t.Errorf("%d messages came, by %d tokens", len(server.got), len(server.tokens))
			}
			noTokenIn(t, dir, said, server.tokens)
			if t.Failed() {
				t.Log(said)
			}
		})
	}
}

// noTokenIn looks for what must not be written down: access tokens at all, and the
// refresh token outside the keyring.
func noTokenIn(t *testing.T, dir, said string, tokens map[string]bool) {
	t.Helper()
	kept, err := os.ReadFile(filepath.Join(dir, "kept"))
	var grant struct {
		Refresh string `json:"refresh_token"`
	}
	if err != nil || json.Unmarshal(kept, &grant) != nil || grant.Refresh == "" || len(kept) > 2560 {
		t.Fatalf("the keyring had %d octets: %v", len(kept), err)
	}
	os.Remove(filepath.Join(dir, "kept"))
	secrets := []string{grant.Refresh}
	for token := range tokens {
		secrets = append(secrets, token)
	}
	look := func(where string, text []byte) {
		for _, s := range secrets {
			if bytes.Contains(text, []byte(s)) {
				t.Errorf("a token stands in %s", where)
			}
		}
	}
	look("what is said", []byte(said))
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		look(path, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// runBeside runs a command, and acts once, at the first address that it says.
func runBeside(t *testing.T, cmd *exec.Cmd, address *regexp.Regexp, act func(string)) string {
	t.Helper()
	out := &overheard{address: address, found: make(chan string, 1)}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case at := <-out.found:
		act(at)
	case err := <-ended:
		t.Fatalf("it ended before the log-in: %v\n%s", err, out.text())
	case <-time.After(time.Minute):
		cmd.Process.Kill()
		t.Fatalf("no address was shown:\n%s", out.text())
	}
	if err := <-ended; err != nil {
		t.Fatalf("%v\n%s", err, out.text())
	}
	return out.text()
}

// overheard is what a command says, in which an address is waited for.
type overheard struct {
	mu      sync.Mutex
	said    bytes.Buffer
	address *regexp.Regexp
	found   chan string
	once    sync.Once
}

func (h *overheard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said.Write(p)
	if loc := h.address.FindIndex(h.said.Bytes()); loc != nil && loc[1] < h.said.Len() { // the line is whole
		h.once.Do(func() { h.found <- string(h.said.Bytes()[loc[0]:loc[1]]) })
	}
	return len(p), nil
}

func (h *overheard) text() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.said.String()
}
