// Package portal asks by HTTP whether a captive portal is in the way, and judges the
// answers. When to ask, and whom, others know.
package portal

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

// A Question is a page that is asked for by HTTP in the clear, since that is
// what a portal answers in anybody's place.
type Question struct {
	Kind Asks
	// URL is its address, http://… or, for AsksAPI, https://….
	URL string
	// Expect is what the answer to AsksProbe begins with; "" is the usual ones.
	Expect string
}

// Asks is what stands at the address of a question.
type Asks uint8

// What stands there.
const (
	// AsksServer: the mail server, of whose web pages nothing is known.
	AsksServer Asks = iota
	// AsksSystem: a page that the system asks for. Its answer is known only where
	// it is one of the usual ones.
	AsksSystem
	// AsksProbe: a page that the configuration names, and its answer with it. Any
	// other answer is a portal's.
	AsksProbe
	// AsksAPI: the Captive Portal API of the network (RFC 8908).
	AsksAPI
)

// A Finding is what an answer says of a portal.
type Finding uint8

// The findings. The zero Finding is FindsNothing.
const (
	FindsNothing Finding = iota // it says nothing
	FindsOpen                   // no portal is in the way
	FindsPortal                 // one is
)

// An Answer is what a question has brought.
type Answer struct {
	Status int
	Header http.Header
	// Body is the first of it, up to 16 KiB with the header.
	Body []byte
}

// A Dialer opens connections.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Ask asks for the page, once: no redirect is followed, no proxy used, nothing
// kept, and nothing said of us. An answer is waited for some seconds.
func (q Question) Ask(ctx context.Context, dial Dialer) (*Answer, error) {
	u, err := url.Parse(q.URL)
	if err != nil {
		return nil, err
	}
	if q.Kind == AsksAPI && u.Scheme != "https" {
		return nil, fmt.Errorf("%s: RFC 8908 wants https", q.URL)
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

func (q Question) request(u *url.URL) []byte {
	accept := "*/*"
	if q.Kind == AsksAPI {
		accept = "application/captive+json" // RFC 8908 section 4
	}
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: %s\r\nConnection: close\r\n\r\n", u.RequestURI(), u.Host, accept)
}

// errNoAnswer: what came is no answer of HTTP.
var errNoAnswer = errors.New("no answer of a web server")

// readAnswer reads the first of an answer. A body that breaks off, or is longer
// than is read, is as good as one that is whole.
func readAnswer(r io.Reader) (*Answer, error) {
	got, err := http.ReadResponse(bufio.NewReader(io.LimitReader(r, mostAnswer)), &http.Request{Method: http.MethodGet})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	defer got.Body.Close()
	body, _ := io.ReadAll(got.Body)
	return &Answer{got.StatusCode, got.Header, body}, nil
}

// Judge says what the answer to q means, and where the portal's login page is: the
// address of a web page of bounded length that is safe to show, or "".
func (q Question) Judge(a *Answer) (found Finding, page string) {
	asked, err := url.Parse(q.URL)
	if err != nil {
		return FindsNothing, ""
	}
	switch {
	case q.Kind == AsksAPI:
		return judgeAPI(a)
	case q.unspoilt(a):
		return FindsOpen, ""
	case a.Status == http.StatusNetworkAuthenticationRequired:
		// RFC 6585 section 6: the page that the answer leads to, or the very one.
		if page = pageOf(a.Header.Get("Location"), asked); page == "" {
			page = pageOf(q.URL, asked)
		}
		return FindsPortal, page
	case a.Status/100 == 3:
		return q.judgeRedirect(a, asked)
	case q.Kind == AsksProbe && a.Status == http.StatusOK:
		// Whoever opens it in a browser sees the portal's.
		return FindsPortal, pageOf(q.URL, asked)
	}
	return FindsNothing, ""
}

// unspoilt says that it is the very answer that the page has: the one that is
// expected, or else 204 or NetworkManager's header.
func (q Question) unspoilt(a *Answer) bool {
	switch {
	case q.Kind == AsksServer:
		return false
	case q.Kind == AsksProbe && q.Expect != "":
		return a.Status == http.StatusOK && bytes.HasPrefix(bytes.TrimSpace(a.Body), []byte(q.Expect))
	}
	return a.Status == http.StatusNoContent || a.Status == http.StatusOK && strings.EqualFold(a.Header.Get("X-NetworkManager-Status"), "online")
}

// judgeRedirect: a portal leads to its own page. A server leads to another name
// of its own, or to https; and a provider's, now and then, to the front page of
// another site.
func (q Question) judgeRedirect(a *Answer, asked *url.URL) (Finding, string) {
	to := a.Header.Get("Location")
	page := pageOf(to, asked)
	if page == "" {
		return FindsNothing, ""
	}
	target, err := url.Parse(page)
	if err != nil {
		return FindsNothing, ""
	}
	front := target.Scheme == "https" && strings.Trim(target.Path, "/") == "" && target.RawQuery == "" && net.ParseIP(target.Hostname()) == nil
	switch {
	case ofOneHouse(asked.Hostname(), target.Hostname()), q.Kind == AsksServer && front:
		return FindsNothing, ""
	}
	return FindsPortal, page
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
