package oauth

import (
	"context"
	"errors"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"mailcrane/internal/sysexits"
	"mailcrane/smarthost/secret"
)

const (
	// deviceLimit bounds the time that an issuer gives for the code.
	deviceLimit = 30 * time.Minute
	// maxInterval bounds the seconds between two questions, which the issuer sets.
	maxInterval = 120
	// standard is the interval where the issuer says none (RFC 8628 section 3.2).
	standard = 5
)

// byCode logs in by a code that is typed on another device (RFC 8628).
func (l *visit) byCode(ctx context.Context) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, deviceLimit)
	defer cancel()
	d, err := l.client.DeviceAuth(l.wire.given(ctx))
	if err != nil {
		return nil, l.failed(ctx, err)
	}
	u, err := url.Parse(d.VerificationURI)
	if err != nil || u.Scheme != "https" || d.UserCode == "" || d.DeviceCode == "" {
		return nil, sysexits.Errorf(sysexits.Protocol, l.elsewhere(), "%s gave no code, or no page to type it in", l.issuer.title)
	}
	if d.Interval < 1 {
		d.Interval = standard
	}
	d.Interval = min(d.Interval, maxInterval)
	l.person.Say("on any device, open %s and type the code %s", shown(d.VerificationURI), shown(d.UserCode))
	if whole, err := url.Parse(d.VerificationURIComplete); err == nil && whole.Scheme == "https" {
		l.person.Say("or open there: %s", shown(d.VerificationURIComplete))
	}
	if !d.Expiry.IsZero() {
		l.person.Say("the code is good for %v", time.Until(d.Expiry).Round(time.Minute))
	}
	return l.poll(ctx, d)
}

// poll asks until the person is done. A network that fails for a while does not
// end it: the issuer is asked more slowly (RFC 8628 section 3.5).
func (l *visit) poll(ctx context.Context, d *oauth2.DeviceAuthResponse) (*oauth2.Token, error) {
	for {
		t, err := l.client.DeviceAccessToken(l.wire.given(ctx), d)
		if err == nil {
			return t, nil
		}
		answer, said := errors.AsType[*oauth2.RetrieveError](err)
		late := !d.Expiry.IsZero() && !time.Now().Before(d.Expiry)
		switch {
		case ctx.Err() != nil:
			return nil, l.failed(ctx, err)
		case late || errors.Is(err, context.DeadlineExceeded) && !d.Expiry.IsZero():
			return nil, sysexits.Errorf(sysexits.TempFail, "type it again: "+secret.LoginCommand(l.account)+" --device", "the code of %s was not typed in time", l.issuer.title)
		case said && (answer.ErrorCode != "" || answer.Response.StatusCode < 500):
			return nil, l.failed(ctx, err)
		}
		d.Interval = min(2*d.Interval, maxInterval)
	}
}
