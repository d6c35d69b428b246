package turn

import (
	"fmt"
	"slices"
	"strings"

	"mailcrane/internal/address"
)

// mostDomains bounds what one ATRN asks for.
const mostDomains = 100

// Domains reads the argument of ATRN (RFC 2645 section 5.2): domains with commas
// between them, "" for none that is named. They come in lower case, each once.
func Domains(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	var all []string
	for domain := range strings.SplitSeq(text, ",") {
		domain = strings.ToLower(strings.Trim(domain, " \t"))
		if err := address.Valid("x@" + domain); err != nil || strings.ContainsAny(domain, "[]@\"") {
			return nil, fmt.Errorf("%q is no domain", domain)
		}
		if !slices.Contains(all, domain) {
			all = append(all, domain)
		}
		if len(all) > mostDomains {
			return nil, fmt.Errorf("more than %d domains", mostDomains)
		}
	}
	return all, nil
}
