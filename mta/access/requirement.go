package access

import (
	"fmt"
	"strconv"
	"strings"
)

// A Requirement is what TLS_Srv, TLS_Clt or TLS_Rcpt asks of a connection. The
// zero Requirement asks nothing but that the handshake has not failed.
type Requirement struct {
	// Verify: the peer's certificate was verified. Bits is the least strength of
	// the cipher; 0 is any.
	Verify bool
	Bits   int
	// Permanent and Temporary say how it is refused (PERM+, TEMP+); with neither
	// as the server is set up.
	Permanent, Temporary bool
	// Extensions all have to hold.
	Extensions []Extension
	// Where is the file and the line.
	Where string
}

// An Extension asks something of the peer's certificate: its Name is CN, CS, CI
// or CITag, its Value the name, the encoded subject or issuer, or the tag. CN
// without a Value is the name of the peer itself.
type Extension struct{ Name, Value string }

// A Connection is what is known of one when its TLS is judged.
type Connection struct {
	// Verify is sendmail's word: OK, TRUSTED, NO, NOT, FAIL, NONE, TEMP,
	// PROTOCOL, SOFTWARE, CONFIG, CLEAR; "" is that there was no STARTTLS.
	Verify string
	// Bits is the strength of the cipher, 0 without TLS; AuthBits that of the
	// security layer of AUTH.
	Bits, AuthBits int
	// Name is the peer's host name; CN, Subject and Issuer are those of its
	// certificate, not encoded.
	Name, CN, Subject, Issuer string
}

// A Refusal is a reply.
type Refusal struct {
	Code   int
	Status [3]int
	Text   string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%d %d.%d.%d %s", r.Code, r.Status[0], r.Status[1], r.Status[2], r.Text)
}

// parseRequirement reads [TEMP+|PERM+] VERIFY, VERIFY:bits or ENCR:bits, and
// [+ext[++ext…]].
func parseRequirement(value string) (Requirement, error) {
	var r Requirement
	rest := value
	if cut, ok := cutFold(rest, "TEMP+"); ok {
		r.Temporary, rest = true, cut
	} else if cut, ok = cutFold(rest, "PERM+"); ok {
		r.Permanent, rest = true, cut
	}
	what, extensions, extended := strings.Cut(rest, "+")
	word, bits, numbered := strings.Cut(strings.TrimSpace(what), ":")
	switch {
	case strings.EqualFold(word, "VERIFY"):
		r.Verify = true
	case strings.EqualFold(word, "ENCR") && numbered:
	default:
		return Requirement{}, fmt.Errorf("%s is no requirement: write VERIFY, VERIFY:bits or ENCR:bits, with TEMP+ or PERM+ before it", shown(value))
	}
	if numbered {
		n, err := strconv.ParseUint(bits, 10, 16)
		if err != nil {
			return Requirement{}, fmt.Errorf("%s is no number of bits: for example ENCR:128", shown(bits))
		}
		r.Bits = int(n)
	}
	if !extended {
		return r, nil
	}
	for text := range strings.SplitSeq(extensions, "++") {
		e, err := parseExtension(strings.TrimSpace(text))
		if err != nil {
			return Requirement{}, err
		}
		r.Extensions = append(r.Extensions, e)
	}
	return r, nil
}

func cutFold(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}

var extensionNames = [...]string{"CN", "CS", "CI", "CITag"}

func parseExtension(text string) (Extension, error) {
	name, value, _ := strings.Cut(text, ":")
	for _, known := range extensionNames {
		if strings.EqualFold(name, known) && (value != "" || known == "CN") {
			return Extension{known, value}, nil
		}
	}
	return Extension{}, fmt.Errorf("%s asks for nothing: write CN, CN:name, CS:subject, CI:issuer or CITag:tag, with ++ between them", shown(text))
}

// Judge is nil where the connection has what is asked, and else sendmail's
// reply, whose code 454 is made permanent by asking for that. issuer says
// whether the map has OK for a tag and an issuer.
func (r Requirement) Judge(c Connection, issuer func(tag, dn string) (bool, error)) error {
	refuse := func(format string, args ...any) error {
		return &Refusal{Code: r.code(), Status: r.status(), Text: fmt.Sprintf(format, args...)}
	}
	switch c.Verify {
	case "SOFTWARE":
		return refuse("TLS handshake failed.")
	case "PROTOCOL":
		return refuse("STARTTLS failed.")
	}
	if text := r.unverified(c); text != "" {
		return refuse("%s", text)
	}
	if bits := max(c.Bits, c.AuthBits); bits < r.Bits {
		return refuse("encryption too weak %d less than %d", bits, r.Bits)
	}
	for _, e := range r.Extensions {
		text, err := e.missing(c, issuer)
		if err != nil {
			return err
		}
		if text != "" {
			return refuse("%s", text)
		}
	}
	return nil
}

// code is that of the refusal: 8.17's rules have 454 where nothing is said, and
// 403 and 503 where something is.
func (r Requirement) code() int {
	switch {
	case r.Permanent:
		return 503
	case r.Temporary:
		return 403
	}
	return 454
}

func (r Requirement) status() [3]int {
	if r.Permanent {
		return [3]int{5, 7, 0}
	}
	return [3]int{4, 7, 0}
}

// unverified is why the peer is not known to be who it says, "" where that is
// not asked or it is.
func (r Requirement) unverified(c Connection) string {
	if !r.Verify {
		return ""
	}
	switch c.Verify {
	case "OK", "TRUSTED":
		return ""
	case "":
		return "authentication required"
	case "FAIL":
		return "authentication failed"
	case "NO":
		return "not authenticated"
	case "NOT":
		return "no authentication requested"
	case "NONE":
		return "other side does not support STARTTLS"
	}
	return "authentication failure " + shown(c.Verify)
}

// missing is what the certificate lacks, or "".
func (e Extension) missing(c Connection, issuer func(tag, dn string) (bool, error)) (string, error) {
	switch e.Name {
	case "CN":
		want := e.Value
		if want == "" {
			want = c.Name
		}
		if c.CN == "" || !strings.EqualFold(strings.TrimSuffix(want, "."), c.CN) && !strings.EqualFold(want, EncodeDN(c.CN)) {
			return fmt.Sprintf("CN %s does not match %s", shown(c.CN), shown(want)), nil
		}
	case "CS":
		if !strings.EqualFold(e.Value, EncodeDN(c.Subject)) {
			return fmt.Sprintf("Cert Subject %s does not match %s", shown(c.Subject), shown(e.Value)), nil
		}
	case "CI":
		if !strings.EqualFold(e.Value, EncodeDN(c.Issuer)) {
			return fmt.Sprintf("Cert Issuer %s does not match %s", shown(c.Issuer), shown(e.Value)), nil
		}
	case "CITag":
		ok, err := issuer(e.Value, c.Issuer)
		if err != nil {
			return "", err
		}
		if !ok {
			return fmt.Sprintf("Cert Issuer %s is none of %s", shown(c.Issuer), shown(e.Value)), nil
		}
	}
	return "", nil
}
