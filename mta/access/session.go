package access

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"mailcrane/internal/config"
)

// A TLSOptions is the value of TLS_Srv_features or TLS_Clt_features: what is
// different for one session. "" is as everywhere.
type TLSOptions struct {
	Options, CipherList, CipherSuites string
	CertFile, KeyFile, CRLFile        string
	Flags                             string
	// Where is the file and the line, or "".
	Where string
}

// tlsOptionNames are those in a value, in the order of the fields.
var tlsOptionNames = [...]string{"Options", "CipherList", "CipherSuites", "CertFile", "KeyFile", "CRLFile", "Flags"}

func (t *TLSOptions) fields() [len(tlsOptionNames)]*string {
	return [...]*string{&t.Options, &t.CipherList, &t.CipherSuites, &t.CertFile, &t.KeyFile, &t.CRLFile, &t.Flags}
}

// parseTLSOptions reads Name=value; Name=value.
func parseTLSOptions(value string) (TLSOptions, error) {
	var t TLSOptions
	for part := range strings.SplitSeq(strings.Trim(value, `"`), ";") {
		name, text, found := strings.Cut(part, "=")
		if name = strings.TrimSpace(name); name == "" && !found {
			continue
		}
		i := nameIndex(tlsOptionNames[:], name)
		if i < 0 || !found {
			return TLSOptions{}, fmt.Errorf("%s is none of %s, each with = and a value%s", shown(name),
				strings.Join(tlsOptionNames[:], ", "), config.DidYouMean(name, tlsOptionNames[:]...))
		}
		*t.fields()[i] = strings.TrimSpace(text)
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		return TLSOptions{}, errors.New("CertFile and KeyFile go together: set both or neither")
	}
	return t, nil
}

func nameIndex(names []string, name string) int {
	for i, n := range names {
		if strings.EqualFold(n, name) {
			return i
		}
	}
	return -1
}

// An AuthInfo is what the server logs in with at another. It has a secret in
// it, which no error or log shows.
type AuthInfo struct {
	// User is the one to be known as (U), ID the one who logs in (I); one of them
	// may be "", and is then the other.
	User, ID   string
	Password   string
	Realm      string
	Mechanisms []string
	// Where is the file and the line.
	Where string
}

// String does not show the password.
func (a AuthInfo) String() string { return fmt.Sprintf("U:%s I:%s R:%s", a.User, a.ID, a.Realm) }

// GoString is String: %#v shows no more.
func (a AuthInfo) GoString() string { return a.String() }

var errAuthInfo = errors.New(`write "U:user" "P:password", or "I:id" "P=base64", and perhaps "R:realm" "M:mechanism mechanism"`)

// parseAuthInfo reads the items of a value of AuthInfo. Its errors do not show
// what stands there: it may be a password.
func parseAuthInfo(value string) (AuthInfo, error) {
	var a AuthInfo
	known := false
	for item := range items(value) {
		if len(item) < 2 || item[1] != ':' && item[1] != '=' {
			return AuthInfo{}, fmt.Errorf("an item is no letter, colon and text: %w", errAuthInfo)
		}
		text := item[2:]
		if item[1] == '=' {
			decoded, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return AuthInfo{}, fmt.Errorf("what stands behind %c= is no base64: %w", item[0], errAuthInfo)
			}
			text = string(decoded)
		}
		switch item[0] | 0x20 {
		case 'u':
			a.User = text
		case 'i':
			a.ID = text
		case 'p':
			a.Password, known = text, true
		case 'r':
			a.Realm = text
		case 'm':
			a.Mechanisms = strings.Fields(text)
		default:
			return AuthInfo{}, fmt.Errorf("there is no item %s: %w", shown(item[:1]), errAuthInfo)
		}
	}
	if a.User == "" && a.ID == "" || !known {
		return AuthInfo{}, fmt.Errorf("it needs U or I, and P: %w", errAuthInfo)
	}
	if a.ID == "" {
		a.ID = a.User
	}
	if a.User == "" {
		a.User = a.ID
	}
	return a, nil
}

// items are the words of text, where quotation marks keep one together.
func items(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for {
			if text = strings.TrimLeft(text, " \t"); text == "" {
				return
			}
			var item string
			if quoted, ok := strings.CutPrefix(text, `"`); ok {
				item, text, _ = strings.Cut(quoted, `"`)
			} else if end := strings.IndexAny(text, " \t"); end >= 0 {
				item, text = text[:end], text[end:]
			} else {
				item, text = text, ""
			}
			if !yield(item) {
				return
			}
		}
	}
}
