package netwatch

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// questionTime is how long one answer is waited for. A portal's comes from
	// nearby.
	questionTime = 3 * time.Second
	// mostAnswer is how much of an answer is read, header included.
	mostAnswer = 16 << 10
	// mostPage bounds the address of a login page, which may end in a long ticket.
	mostPage = 1000
)

// A question is a page that is asked for by HTTP in the clear, since that is
// what a portal answers in anybody's place.
type question struct {
	kind asks
	url  string
	// expect is what the answer to asksProbe begins with; "" is the usual ones.
	expect string
}

// asks is what stands at the address of a question.
type asks uint8

const (
	// asksServer: the mail server, of whose web pages nothing is known.
	asksServer asks = iota
	// asksSystem: a page that the system asks for. Its answer is known only where
	// it is one of the usual ones.
	asksSystem
	// asksProbe: a page that the configuration names, and its answer with it. Any
	// other answer is a portal's.
	asksProbe
	// asksAPI: the Captive Portal API of the network (RFC 8908).
	asksAPI
)

// A finding is what an answer says of a portal.
type finding uint8

const (
	findsNothing finding = iota // it says nothing
	findsOpen                   // no portal is in the way
	findsPortal                 // one is
)

// An answer is what a question has brought.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// A dialer opens connections.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// ask asks for the page, once: no redirect is followed, no proxy used, nothing
// kept, and nothing said of us.
func (q question) ask(ctx context.Context, dial dialer) (*answer, error) {
	u, err := url.Parse(q.url)
	if err != nil {
		return nil, err
	}
	if q.kind == asksAPI && u.Scheme != "https" {
		return nil, fmt.Errorf("%s: RFC 8908 wants https", q.url)
	}
	port := u.Port()
	switch {
	case u.Scheme == "https" && port == "":
		port = "443"
	case port == "":
		port = "80"
	}
	ctx, cancel := context.WithTimeout(ctx, questionTime)
	defer cancel()
	conn, err := dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if u.Scheme == "https" {
		conn = tls.Client(conn, &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12})
	}
	if _, err := conn.Write(q.request(u)); err != nil {
		return nil, err
	}
	return readAnswer(conn)
}

func (q question) request(u *url.URL) []byte {
	accept := "*/*"
	if q.kind == asksAPI {
		accept = "application/captive+json" // RFC 8908 section 4
	}
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: %s\r\nConnection: close\r\n\r\n", u.RequestURI(), u.Host, accept)
}

// errNoAnswer: what came is no answer of HTTP.
var errNoAnswer = errors.New("no answer of a web server")

// readAnswer reads the first of an answer. A body that breaks off, or is longer
// than is read, is as good as one that is whole.
func readAnswer(r io.Reader) (*answer, error) {
	got, err := http.ReadResponse(bufio.NewReader(io.LimitReader(r, mostAnswer)), &http.Request{Method: http.MethodGet})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	defer got.Body.Close()
	body, _ := io.ReadAll(got.Body)
	return &answer{got.StatusCode, got.Header, body}, nil
}

// judge says what the answer to q means, and where the portal's page is.
func (q question) judge(a *answer) (found finding, page string) {
	asked, err := url.Parse(q.url)
	if err != nil {
		return findsNothing, ""
	}
	switch {
	case q.kind == asksAPI:
		return judgeAPI(a)
	case q.unspoilt(a):
		return findsOpen, ""
	case a.status == http.StatusNetworkAuthenticationRequired:
		// RFC 6585 section 6: the page that the answer leads to, or the very one.
		if page = pageOf(a.header.Get("Location"), asked); page == "" {
			page = pageOf(q.url, asked)
		}
		return findsPortal, page
	case a.status/100 == 3:
		return q.judgeRedirect(a, asked)
	case q.kind == asksProbe && a.status == http.StatusOK:
		// Whoever opens it in a browser sees the portal's.
		return findsPortal, pageOf(q.url, asked)
	}
	return findsNothing, ""
}

// unspoilt says that it is the very answer that the page has: the one that is
// expected, or else 204 or NetworkManager's header.
func (q question) unspoilt(a *answer) bool {
	switch {
	case q.kind == asksServer:
		return false
	case q.kind == asksProbe && q.expect != "":
		return a.status == http.StatusOK && bytes.HasPrefix(bytes.TrimSpace(a.body), []byte(q.expect))
	}
	return a.status == http.StatusNoContent || a.status == http.StatusOK && strings.EqualFold(a.header.Get("X-NetworkManager-Status"), "online")
}

// judgeRedirect: a portal leads to its own page. A server leads to another name
// of its own, or to https; and a provider's, now and then, to the front page of
// another site.
func (q question) judgeRedirect(a *answer, asked *url.URL) (finding, string) {
	to := a.header.Get("Location")
	page := pageOf(to, asked)
	if page == "" {
		return findsNothing, ""
	}
	target, err := url.Parse(page)
	if err != nil {
		return findsNothing, ""
	}
	front := target.Scheme == "https" && strings.Trim(target.Path, "/") == "" && target.RawQuery == "" && net.ParseIP(target.Hostname()) == nil
	switch {
	case ofOneHouse(asked.Hostname(), target.Hostname()), q.kind == asksServer && front:
		return findsNothing, ""
	}
	return findsPortal, page
}

// ofOneHouse says that two names are equal but for their first label, as
// smtp.example.org and www.example.org, or that one is above the other.
func ofOneHouse(a, b string) bool {
	a, b = strings.ToLower(strings.TrimSuffix(a, ".")), strings.ToLower(strings.TrimSuffix(b, "."))
	if a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a) {
		return true
	}
	_, over, _ := strings.Cut(a, ".")
	_, above, _ := strings.Cut(b, ".")
	return net.ParseIP(a) == nil && over == above && strings.Contains(over, ".")
}

// pageOf is the address of a web page that a person can be shown, or "". Of one
// that is too long, the query is left out.
func pageOf(location string, base *url.URL) string {
	to, err := base.Parse(strings.TrimSpace(location))
	if err != nil || location == "" || to.Host == "" || !visible(to.Host) || to.Scheme != "http" && to.Scheme != "https" {
		return ""
	}
	to.User, to.Fragment, to.RawFragment = nil, "", ""
	page := to.String()
	if len(page) > mostPage {
		to.RawQuery, to.ForceQuery = "", false
		page = to.String()
	}
	if len(page) > mostPage || !visible(page) {
		return ""
	}
	return page
}

// visible says that text is of visible ASCII signs alone: another letter may
// look like one of them.
func visible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
