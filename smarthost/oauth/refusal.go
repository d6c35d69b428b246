package oauth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/internal/visible"
	"mailcrane/smarthost/secret"
)

// Why there is no access token, for who has to know the kind of it.
var (
	// ErrEnded is in the error of an issuer that takes the log-in no more.
	ErrEnded = errors.New("no longer accepts the log-in")
	// ErrClient is in the error of an issuer that does not take client_id or its
	// secret.
	ErrClient = errors.New("does not know this client_id, or its secret is wrong")
	// ErrNotLoggedIn is in the error of an account that nobody has logged in with.
	ErrNotLoggedIn = errors.New("nobody has logged in")

	errStrange = errors.New("it answered with something that is not JSON")
)

// maxShown bounds what is shown of an issuer's words, in octets.
const maxShown = 300

func shown(text string) string { return visible.Line(text, maxShown) }

// What the codes of RFC 6749, RFC 7009, RFC 8628, OpenID Connect and of the large
// issuers mean to a person. %s is who gives tokens.
var meanings = [...]struct {
	code, sentence string
	mend           mend
}{
	{"access_denied", "%s was told not to let mailcrane in, or your organisation does not allow it", mendAgain},
	{"authorization_declined", "%s was told not to let mailcrane in", mendAgain},
	{"admin_policy_enforced", "your organisation does not allow this program at %s", mendAdmin},
	{"org_internal", "%s lets only members of the organisation that has registered this client_id log in", mendClient},
	{"consent_required", "%s wants somebody to allow mailcrane first", mendAdmin},
	{"invalid_client", "%s does not know this client_id, or its secret is wrong", mendClient},
	{"unauthorized_client", "%s does not let this client_id log in like this", mendClient},
	{"deleted_client", "%s says that this client_id was deleted", mendClient},
	{"invalid_scope", "%s does not know what oauth.scopes asks for, or does not give it to this client_id", mendScopes},
	{"redirect_uri_mismatch", "%s does not know the address that the browser comes back to", mendRedirect},
	{"invalid_grant", "%s no longer accepts the log-in", mendAgain},
	{"interaction_required", "%s wants to see you again", mendAgain},
	{"login_required", "%s wants to see you again", mendAgain},
	{"expired_token", "the code of %s was not typed in time", mendAgain},
	{"unsupported_grant_type", "%s has no log-in of this kind", mendClient},
	{"unsupported_response_type", "%s has no log-in of this kind", mendClient},
	{"invalid_request", "%s did not understand the request", mendClient},
	{"temporarily_unavailable", "%s has no time just now", mendLater},
	{"server_error", "%s has trouble of its own", mendLater},
	{"slow_down", "%s wants to be asked more slowly", mendLater},
}

// A mend is what helps.
type mend byte

const (
	mendAgain mend = iota
	mendClient
	mendScopes
	mendRedirect
	mendAdmin
	mendLater
)

func (m mend) hint(a *config.Account) string {
	switch m {
	case mendAgain:
		return "type: " + secret.LoginCommand(a)
	case mendClient:
		return fmt.Sprintf("check oauth.client_id and oauth.client_secret of [account.%s] against what the issuer shows; docs/login.md says where", a.Name)
	case mendScopes:
		return fmt.Sprintf("set oauth.scopes of [account.%s] to what the provider names for sending mail (SMTP)", a.Name)
	case mendRedirect:
		return fmt.Sprintf("register the client_id there as a desktop or native program; or register one address with a port and set oauth.port of [account.%s] to it", a.Name)
	case mendAdmin:
		return "ask the administrator of your organisation to allow this client_id for sending mail; until then, an app password may work: docs/login.md"
	case mendLater:
	}
	return ""
}

func (m mend) code() int {
	switch m {
	case mendLater:
		return sysexits.TempFail
	case mendClient, mendScopes, mendRedirect:
		return sysexits.Config
	case mendAgain, mendAdmin:
	}
	return sysexits.NoPerm
}

// refused is what an issuer said, for account a: code is OAuth's, said its own
// words.
func refused(a *config.Account, code, said string) error {
	said = shown(withoutSecrets(said))
	for _, m := range meanings {
		if m.code == code {
			m.mend = sharper(m.mend, said)
			return reworded(a, m.mend, fmt.Sprintf(m.sentence, title(a)), code, said)
		}
	}
	return reworded(a, mendAgain, title(a)+" refuses", shown(code), said)
}

// sharper: Microsoft says in numbers of its own that it is the administrator who
// has to allow it (AADSTS65001, AADSTS90094, AADSTS90008).
func sharper(m mend, said string) mend {
	for _, number := range [...]string{"AADSTS65001", "AADSTS90094", "AADSTS90008", "admin consent"} {
		if strings.Contains(said, number) {
			return mendAdmin
		}
	}
	if strings.Contains(said, "AADSTS50011") {
		return mendRedirect
	}
	return m
}

func reworded(a *config.Account, m mend, sentence, code, said string) error {
	why := code
	if said != "" {
		why += ": " + said
	}
	if code == "invalid_grant" && m == mendAgain {
		return sysexits.Errorf(m.code(), m.hint(a), "%s %w of account %s (%s)", title(a), ErrEnded, a.Name, why)
	}
	if code == "invalid_client" {
		return sysexits.Errorf(m.code(), m.hint(a), "%s %w (%s)", title(a), ErrClient, why)
	}
	return sysexits.Errorf(m.code(), m.hint(a), "%s (%s)", sentence, why)
}

// withoutSecrets takes out what looks like a token or a code: an issuer may
// repeat what it was sent.
func withoutSecrets(said string) string {
	words := strings.Fields(said)
	const longest = 60
	for i, w := range words {
		if len(w) > longest {
			words[i] = "…"
		}
	}
	return strings.Join(words, " ")
}

// failed explains why a request for tokens came to nothing.
func failed(a *config.Account, err error) error {
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case !ok:
		return unreached(title(a), err)
	case answer.Response != nil && (answer.Response.StatusCode >= 500 || answer.Response.StatusCode == http.StatusTooManyRequests):
		return sysexits.Errorf(sysexits.TempFail, "", "%s cannot give a token just now: it answered %d", title(a), answer.Response.StatusCode)
	case answer.ErrorCode == "" && answer.Response != nil:
		// Something on the way, or an issuer that is being changed: no word of it
		// is about the log-in.
		return sysexits.Errorf(sysexits.TempFail, "", "%s gave no token: it answered %d without a reason", title(a), answer.Response.StatusCode)
	}
	return refused(a, answer.ErrorCode, answer.ErrorDescription)
}

// unreached is a fault of the network, or of something on the way: it says
// nothing of the log-in.
func unreached(who string, err error) error {
	why, hint := err, ""
	if u, ok := errors.AsType[*url.Error](err); ok {
		why = u.Err // its text has the whole URL
	}
	certificate, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	lookup, isLookup := errors.AsType[*net.DNSError](err)
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		return sysexits.Errorf(sysexits.TempFail, "", "%s was not waited for: %w", who, context.Canceled)
	case isCertificate:
		why, hint = certificate.Err, "if this network has a log-in page, open any web page in a browser and log in there"
	case isLookup:
		why = fmt.Errorf("this network's name server %s", heard(lookup))
	case errors.Is(err, context.DeadlineExceeded) || isNet && timeout.Timeout():
		why = fmt.Errorf("no answer within %v", requestLimit)
	case errors.Is(err, errNotHTTPS), errors.Is(err, errTooLong), errors.Is(err, errStrange):
	case strings.HasPrefix(err.Error(), "oauth2: cannot parse"):
		why = errStrange
	case !isNet:
		why = errors.New(shown(withoutSecrets(why.Error())))
	}
	if op, ok := errors.AsType[*net.OpError](why); ok {
		why = op.Err
	}
	return sysexits.Errorf(sysexits.TempFail, hint, "%s cannot be asked for a token just now: %w", who, why)
}

// heard is what a name server has said: only where it says so is a name not there.
func heard(lookup *net.DNSError) string {
	if lookup.IsNotFound {
		return "knows no " + shown(lookup.Name)
	}
	return "gave no answer for " + shown(lookup.Name)
}
