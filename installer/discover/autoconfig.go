package discover

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// ispdbHost is that of Mozilla's database, which is asked about domains only.
const ispdbHost = "autoconfig.thunderbird.net"

// maxRedirects bounds the redirects of one fetch.
const maxRedirects = 5

// ownAutoconfig asks the domain itself. It is told the address, which is its
// own: some answer by user.
func (s *search) ownAutoconfig(ctx context.Context) *Settings {
	query := "?emailaddress=" + url.QueryEscape(s.address)
	return s.atDomain(ctx, s.domain, query)
}

// atDomain asks the two places of a domain.
func (s *search) atDomain(ctx context.Context, domain, query string) *Settings {
	for _, at := range [...]struct{ host, path string }{
		{"autoconfig." + domain, "/mail/config-v1.1.xml"},
		{domain, "/.well-known/autoconfig/mail/config-v1.1.xml"},
	} {
		if found := s.fetch(ctx, "autoconfig at "+at.host, at.host, at.path+query); found != nil {
			return found
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	return nil
}

// ispdb asks Mozilla, who learns the domain and not the address.
func (s *search) ispdb(ctx context.Context) *Settings {
	what := fmt.Sprintf("Mozilla's database, asked about %s only", s.domain)
	return s.fetch(ctx, what, ispdbHost, "/v1.1/"+url.PathEscape(s.domain))
}

// exchangersDomain asks who takes the domain's mail in, and Mozilla about him:
// without the address, since he need not be whose it is.
func (s *search) exchangersDomain(ctx context.Context) *Settings {
	if len(s.mx) == 0 || s.within(s.mx[0]) {
		return nil
	}
	domain := ownedPart(s.mx[0])
	found := s.atDomain(ctx, domain, "")
	if found == nil && ctx.Err() == nil {
		what := fmt.Sprintf("Mozilla's database, asked about %s only", domain)
		found = s.fetch(ctx, what, ispdbHost, "/v1.1/"+url.PathEscape(domain))
	}
	if found != nil {
		found.Confirm = fmt.Sprintf("these are the settings of %s, which takes in the mail of %s", domain, s.domain)
	}
	return found
}

// fetch reads the document at a host.
func (s *search) fetch(ctx context.Context, what, host, path string) *Settings {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+path, nil)
	if err != nil {
		s.unknown(what, host, err)
		return nil
	}
	client := *s.HTTP
	client.CheckRedirect = overTLS
	response, err := client.Do(request)
	switch {
	case nameNotThere(err):
		s.absent(what, host, "there is no such name")
		return nil
	case err != nil:
		s.unknown(what, host, err)
		return nil
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		s.status(what, host, response.StatusCode)
		return nil
	}
	settings, err := readDocument(response.Body, s.address, s.local, s.domain)
	switch {
	case ctx.Err() != nil:
		s.unknown(what, host, ctx.Err())
		return nil
	case err != nil:
		s.absent(what, host, err.Error())
		return nil
	}
	if by := response.Request.URL.Hostname(); by != host {
		host = by
	}
	if p := providerOf(settings.Server.Host); p != nil {
		p.describe(settings)
	}
	return s.found(what, host, settings)
}

// status tells of an answer without a document: these are the ones that say that
// there is none, and all else says nothing (RFC 6585 section 6: 511 is a captive
// portal).
func (s *search) status(what, host string, code int) {
	switch code {
	case http.StatusNotFound, http.StatusGone, http.StatusNoContent:
		s.absent(what, host, "there is none")
	case http.StatusNetworkAuthenticationRequired:
		s.unknown(what, host, errors.New("the network wants a log-in on a web page first"))
	default:
		s.unknown(what, host, fmt.Errorf("it answers %d %s", code, strings.ToLower(http.StatusText(code))))
	}
}

// errPlain is a redirect out of TLS, which is not followed.
var errPlain = errors.New("it sends us to a page without TLS")

// overTLS follows redirects within TLS only. The page it leads to is not told
// where we come from, which has the address in it.
func overTLS(request *http.Request, via []*http.Request) error {
	request.Header.Del("Referer")
	switch {
	case request.URL.Scheme != "https":
		return errPlain
	case len(via) > maxRedirects:
		return errors.New("it sends us from page to page")
	}
	return nil
}
