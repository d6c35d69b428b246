package oauth

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

const (
	// requestLimit is the time for one request, of which a device on a slow link
	// needs a good part for the handshake of TLS.
	requestLimit = 30 * time.Second
	// maxAnswer bounds the body of an answer, in octets.
	maxAnswer = 256 << 10
	// maxRedirects bounds how often the documents of an issuer lead elsewhere.
	maxRedirects = 3
)

// transport keeps no connection open: there is one request an hour, to which HTTP/2
// adds nothing.
func transport(dial func(ctx context.Context, network, address string) (net.Conn, error)) http.RoundTripper {
	plain := new(http.Protocols)
	plain.SetHTTP1(true)
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dial, Protocols: plain,
		DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
	}
}

// A wire carries the requests to an issuer.
type wire struct{ under http.RoundTripper }

var (
	errNotHTTPS = errors.New("an address that does not begin with https:// is not called")
	errTooLong  = errors.New("the answer is longer than any answer should be")
)

// RoundTrip calls nothing without TLS, whoever named the address, and bounds the
// answer.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, errNotHTTPS
	}
	answer, err := w.under.RoundTrip(r)
	if err == nil {
		answer.Body = &bounded{answer.Body, maxAnswer}
	}
	return answer, err
}

type bounded struct {
	io.ReadCloser
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// client is for requests that end with ctx: x/oauth2 does not give ctx to all of
// them.
func (w *wire) client(ctx context.Context) *http.Client {
	return &http.Client{Transport: ending{ctx, w}, CheckRedirect: redirect}
}

// given is ctx with the client that x/oauth2 is to use.
func (w *wire) given(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, w.client(ctx))
}

// redirect follows to a document elsewhere, and nowhere with a secret.
func redirect(r *http.Request, via []*http.Request) error {
	if via[0].Method != http.MethodGet || len(via) > maxRedirects {
		return http.ErrUseLastResponse
	}
	return nil
}

// ending bounds the time of a request, to the end of its answer, and ends it with
// ctx.
type ending struct {
	ctx   context.Context
	under http.RoundTripper
}

func (e ending) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), requestLimit)
	stop := context.AfterFunc(e.ctx, cancel)
	after := func() {
		stop()
		cancel()
	}
	answer, err := e.under.RoundTrip(r.WithContext(ctx))
	if err != nil {
		after()
		return nil, err
	}
	answer.Body = &closing{answer.Body, after}
	return answer, nil
}

// closing is done at the end of the body, for x/oauth2 does not close all.
type closing struct {
	io.ReadCloser
	after func()
}

func (c *closing) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err != nil {
		c.after()
	}
	return n, err
}

func (c *closing) Close() error {
	c.after()
	return c.ReadCloser.Close()
}
