package discover

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/visible"
)

// maxDocument bounds an autoconfig document, in octets, and maxServers the
// servers that are looked at in it. The largest of the ISPDB has some 10 kB.
const (
	maxDocument = 256 << 10
	maxServers  = 32
)

// Why a document gives no settings.
var (
	errNoDocument = errors.New("what it answers is no autoconfig document")
	errNoServer   = errors.New("it names no server with TLS that takes mail")
)

// clientConfig is what is read of a document: wiki.mozilla.org,
// Thunderbird:Autoconfiguration:ConfigFileFormat.
type clientConfig struct {
	XMLName  xml.Name `xml:"clientConfig"`
	Provider struct {
		Name     string           `xml:"displayName"`
		Outgoing []outgoingServer `xml:"outgoingServer"`
		Page     []struct {
			URL string `xml:"url,attr"`
		} `xml:"documentation"`
	} `xml:"emailProvider"`
	OAuth struct {
		Issuer string `xml:"issuer"`
	} `xml:"oAuth2"`
}

type outgoingServer struct {
	Type           string   `xml:"type,attr"`
	Host           string   `xml:"hostname"`
	Port           string   `xml:"port"`
	Socket         string   `xml:"socketType"`
	User           string   `xml:"username"`
	Authentication []string `xml:"authentication"`
}

// readDocument is the best server of an autoconfig document for the address:
// with TLS at once before STARTTLS, never one without.
func readDocument(r io.Reader, whose, local, domain string) (*Settings, error) {
	limited := &io.LimitedReader{R: r, N: maxDocument + 1}
	var c clientConfig
	err := xml.NewDecoder(limited).Decode(&c)
	switch {
	case limited.N <= 0:
		return nil, fmt.Errorf("the document is larger than %d octets", maxDocument)
	case err != nil:
		return nil, errNoDocument
	}
	fill := strings.NewReplacer("%EMAILADDRESS%", whose, "%EMAILLOCALPART%", local, "%EMAILDOMAIN%", domain)
	var best *Settings
	for _, server := range c.Provider.Outgoing[:min(len(c.Provider.Outgoing), maxServers)] {
		if s := server.settings(fill, c.OAuth.Issuer); s != nil && (best == nil || s.Server.TLS < best.Server.TLS) {
			best = s
		}
	}
	if best == nil {
		return nil, errNoServer
	}
	best.Provider = visible.Line(strings.TrimSpace(c.Provider.Name), 60)
	for _, page := range c.Provider.Page {
		if best.Page == "" && strings.HasPrefix(page.URL, "https://") {
			best.Page = visible.Line(page.URL, 200)
		}
	}
	return best, nil
}

// settings is nil where the server cannot be used.
func (o outgoingServer) settings(fill *strings.Replacer, issuer string) *Settings {
	host := strings.ToLower(strings.TrimSpace(fill.Replace(o.Host)))
	port, err := strconv.ParseUint(strings.TrimSpace(o.Port), 10, 16)
	if !strings.EqualFold(o.Type, "smtp") || !hostName(host) || err != nil || port == 0 {
		return nil
	}
	s := &Settings{Server: config.Smarthost{Host: host, Port: strconv.FormatUint(port, 10)}}
	switch strings.ToUpper(strings.TrimSpace(o.Socket)) {
	case "SSL":
		s.Server.TLS = config.Implicit
	case "STARTTLS":
		s.Server.TLS = config.StartTLS
	default:
		return nil
	}
	// Some name an OAuth server beside others for passwords; one that takes a
	// password is what everybody can use.
	password, token := strings.TrimSpace(strings.Join(o.Authentication, "")) == "", false
	for _, way := range o.Authentication {
		switch strings.ToLower(strings.TrimSpace(way)) {
		case "password-cleartext", "password-encrypted", "plain", "secure":
			password = true
		case "oauth2":
			token = true
		}
	}
	switch {
	case token:
		s.Issuer = knownIssuer(strings.TrimSpace(issuer), host)
		if !password {
			s.Login = OAuth
		}
	case !password:
		return nil // client-IP-address, none, TLS-client-cert, NTLM, GSSAPI
	}
	// A user name of the document's own is one line, as SASL wants it.
	s.User = strings.TrimSpace(fill.Replace(o.User))
	if s.User == "" || len(s.User) > 320 || visible.Line(s.User, 0) != s.User {
		s.User = fill.Replace("%EMAILADDRESS%")
	}
	return s
}

// knownIssuer is the issuer's name as account.NAME.oauth.issuer has it.
func knownIssuer(issuer, host string) string {
	switch issuer {
	case "accounts.google.com":
		return "google"
	case "login.microsoftonline.com":
		return "microsoft"
	}
	if p := providerOf(host); p != nil {
		return p.issuer
	}
	if hostName(issuer) {
		return "https://" + issuer
	}
	return ""
}
