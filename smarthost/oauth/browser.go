package oauth

import (
	"context"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/oauth2"

	"mailcrane/internal/sysexits"
	"mailcrane/smarthost/secret"
)

const (
	// browserLimit is the time a person has for the issuer's pages.
	browserLimit = 10 * time.Minute
	// readLimit is that of one request to the loopback port.
	readLimit = 10 * time.Second
	// goodbye is how long the browser may take to read the last page.
	goodbye = 5 * time.Second
	// maxCode bounds the code that the browser brings back.
	maxCode = 8 << 10
)

var errBrowserTime = errors.New("nobody came back from the browser in time")

// byBrowser logs in by authorization code, with PKCE (RFC 7636), which comes
// back to a port of this machine (RFC 8252 section 7.3).
func (l *visit) byBrowser(ctx context.Context) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, browserLimit, errBrowserTime)
	defer cancel()
	listener, err := l.listen(ctx)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port) //nolint:forcetypeassert // it listens on "tcp4"
	client := l.client
	client.RedirectURL = l.issuer.redirect + port + l.issuer.path
	verifier := oauth2.GenerateVerifier()
	back := &doorway{path: l.issuer.path, state: state(), issuer: l.issuer.id, port: port, came: make(chan answer, 1), said: make(chan page, 1)}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("login_hint", l.account.User)}
	for _, e := range l.issuer.extra {
		options = append(options, oauth2.SetAuthURLParam(e[0], e[1]))
	}
	stop := back.serve(listener)
	defer stop()
	l.show(ctx, client.AuthCodeURL(back.state, options...))
	return l.await(ctx, client, back, verifier)
}

// await waits for the browser, and tells it how it went.
func (l *visit) await(ctx context.Context, client oauth2.Config, back *doorway, verifier string) (*oauth2.Token, error) {
	var came answer
	select {
	case came = <-back.came:
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), errBrowserTime) {
			return nil, sysexits.Errorf(sysexits.TempFail,
				"type it again: "+secret.LoginCommand(l.account)+"; if the browser showed an error about the redirect or the client, "+mendRedirect.hint(l.account),
				"%w (%v)", errBrowserTime, browserLimit)
		}
		return nil, ended(ctx)
	}
	if came.code == "" {
		back.said <- pageRefused
		return nil, refused(l.account, came.fault, came.why)
	}
	t, err := client.Exchange(l.wire.given(ctx), came.code, oauth2.VerifierOption(verifier))
	if err != nil {
		back.said <- pageFailed
		return nil, l.failed(ctx, err)
	}
	back.said <- pageIn
	return t, nil
}

func (l *visit) listen(ctx context.Context) (net.Listener, error) {
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(l.account.OAuth.Port))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp4", at)
	if err != nil {
		return nil, sysexits.Errorf(sysexits.Unavailable, "see who uses it, or set another oauth.port", "cannot wait for the browser at %s: %w", at, err)
	}
	return listener, nil
}

// show opens the page; where that does not work, a person does.
func (l *visit) show(ctx context.Context, url string) {
	if l.person.Browse != nil {
		if err := l.person.Browse(ctx, url); err == nil {
			l.person.Say("log in at %s in the browser that has just been opened; if none has, open this address:\n\n%s\n", l.issuer.title, url)
			return
		}
	}
	l.person.Say("open this address in a browser of this machine and log in at %s:\n\n%s\n", l.issuer.title, url)
}

// An answer is what the browser brought back.
type answer struct{ code, fault, why string }

// A doorway is where the browser comes back to.
type doorway struct {
	path, state, issuer, port string
	came                      chan answer
	said                      chan page
}

// serve answers until stop is called, which lets the browser read its page.
func (d *doorway) serve(l net.Listener) (stop func()) {
	s := &http.Server{
		Handler: d, ReadTimeout: readLimit, WriteTimeout: 2 * requestLimit, IdleTimeout: time.Second, MaxHeaderBytes: 2 * maxCode,
	}
	s.SetKeepAlivesEnabled(false)
	go s.Serve(l) //nolint:errcheck // it ends when stop is called
	return func() {
		close(d.said)
		ctx, cancel := context.WithTimeout(context.Background(), goodbye)
		defer cancel()
		if s.Shutdown(ctx) != nil {
			s.Close()
		}
	}
}

// ServeHTTP takes one answer that knows the state. Others on this machine may
// call here too, and change nothing.
func (d *doorway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	at := r.URL.Path
	switch {
	case r.Method != http.MethodGet, at != d.path && (d.path != "" || at != "/"), r.Host != "127.0.0.1:"+d.port && r.Host != "localhost:"+d.port:
		pageElsewhere.write(w, http.StatusNotFound)
		return
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(d.state)) != 1,
		// RFC 9207: an answer of another issuer.
		d.issuer != "" && q.Get("iss") != "" && q.Get("iss") != d.issuer:
		pageStranger.write(w, http.StatusBadRequest)
		return
	}
	came := answer{code: q.Get("code"), fault: q.Get("error"), why: q.Get("error_description")}
	if came.fault != "" || len(came.code) > maxCode {
		came.code = ""
	}
	select {
	case d.came <- came:
	default: // it has come already
		pageElsewhere.write(w, http.StatusNotFound)
		return
	}
	said, open := <-d.said
	if !open {
		said = pageFailed
	}
	said.write(w, http.StatusOK)
}
