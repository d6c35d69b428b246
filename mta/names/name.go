package names

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// RFC 1035 section 2.3.4, without the last dot.
const (
	mostName  = 253
	mostLabel = 63
)

// absolute is a name as it is asked for: in lower case, in ASCII, with its last
// dot. Of what can be no name of a host or a domain, nobody is asked.
func absolute(name string) (string, error) {
	name = strings.TrimSuffix(name, ".")
	for i := range len(name) {
		if name[i] >= 0x80 {
			ascii, err := idna.New(idna.MapForLookup(), idna.Transitional(false)).ToASCII(name)
			if err != nil || !utf8.ValidString(name) {
				return "", fmt.Errorf("it can be no name of a domain: %w", ErrNone)
			}
			name = ascii
			break
		}
	}
	if !isName(name) {
		return "", fmt.Errorf("it can be no name of a domain: %w", ErrNone)
	}
	return strings.ToLower(name) + ".", nil
}

// isName says that a name, without its last dot, may be that of a host: of
// letters, digits, hyphens and underscores. So nothing gets from the wire into
// a log, a reply or a header field that is not plain.
func isName(name string) bool {
	if name == "" || len(name) > mostName {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > mostLabel {
			return false
		}
		for _, c := range []byte(label) {
			switch {
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			default:
				return false
			}
		}
	}
	return true
}
