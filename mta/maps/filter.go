package maps

import (
	"errors"
	"fmt"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// filterFor is a filter for a key: what would have a meaning in it is escaped
// (RFC 4515 section 3).
func filterFor(template, key string) string {
	return strings.ReplaceAll(template, "%s", ldap.EscapeFilter(key))
}

// checkFilter says what is wrong with a template. The key may stand in values
// alone: no escape keeps it from choosing an attribute.
func checkFilter(template string) error {
	if !strings.Contains(template, "%s") {
		return errors.New("there is no %s in it, where the key would stand: (mail=%s)")
	}
	const probe = "xkeyx"
	packet, err := ldap.CompileFilter(filterFor(template, probe))
	if err != nil {
		return fmt.Errorf("it is no filter (RFC 4515): %w", err)
	}
	if outsideValues(packet, probe) {
		return errors.New("%s stands where an attribute is named; it can be a value only")
	}
	return nil
}

// outsideValues says that a filter has text elsewhere than in the values that it
// compares with (RFC 4511 section 4.5.1).
func outsideValues(p *ber.Packet, text string) bool {
	switch p.Tag {
	case ldap.FilterAnd, ldap.FilterOr, ldap.FilterNot:
		for _, c := range p.Children {
			if outsideValues(c, text) {
				return true
			}
		}
		return false
	case ldap.FilterPresent:
		return strings.Contains(octets(p), text)
	case ldap.FilterExtensibleMatch:
		for _, c := range p.Children {
			if c.Tag != ldap.MatchingRuleAssertionMatchValue && strings.Contains(octets(c), text) {
				return true
			}
		}
		return false
	}
	return len(p.Children) == 0 || strings.Contains(octets(p.Children[0]), text)
}

func octets(p *ber.Packet) string {
	if p.Data == nil {
		return ""
	}
	return p.Data.String()
}
