package config

import (
	"fmt"
	"strings"
)

// Resolver is how a server asks for names.
type Resolver struct {
	// SwitchFile says where names are looked up (sendmail's ServiceSwitchFile); "" is
	// the hosts line of nsswitch.conf(5).
	SwitchFile string
	// HostsFile is as hosts(5) has it.
	HostsFile string
	// Options are words of ResolverOptions; see ParseResolver.
	Options string
	// KeepAliases leaves a name that is an alias as it is (DontExpandCnames).
	KeepAliases bool
}

func defaultResolver() Resolver { return Resolver{HostsFile: "/etc/hosts"} }

// ResolverFlags are sendmail's ResolverOptions, so that the zero is what they are
// by themselves.
type ResolverFlags struct {
	// UseTCP (USEVC) asks by TCP alone, IgnoreTruncated (IGNTC) never by TCP.
	UseTCP, IgnoreTruncated bool
	// Authoritative (AAONLY) believes nobody but a zone's own servers.
	Authoritative bool
	// First (PRIMARY) asks the first name server alone.
	First bool
	// NoRecursion (-RECURSE) does not ask a server to ask others.
	NoRecursion bool
	// NoDomain (-DEFNAMES) and NoSearch (-DNSRCH) keep the own domain, and the
	// search list, from being put behind a name.
	NoDomain, NoSearch bool
	// NoIPv6 (-USE_INET6) has no addresses of IPv6.
	NoIPv6 bool
	// WildcardMX (HasWildcardMX) believes no MX where a name is completed.
	WildcardMX bool
	// BrokenAAAA (WorkAroundBrokenAAAA) takes SERVFAIL for an AAAA as that there is none.
	BrokenAAAA bool
}

// ParseResolver reads words of ResolverOptions, in any case: NAME or +NAME sets one,
// -NAME clears it. Commas separate them too.
func ParseResolver(text string) (ResolverFlags, error) {
	var f ResolverFlags
	for word := range strings.FieldsSeq(strings.ReplaceAll(text, ",", " ")) {
		name, set := word, true
		switch word[0] {
		case '+':
			name = word[1:]
		case '-':
			name, set = word[1:], false
		}
		flag, inverse := f.named(strings.TrimPrefix(strings.ToUpper(name), "RES_"))
		if flag == nil {
			return ResolverFlags{}, fmt.Errorf("%s is no word of ResolverOptions%s", quotedText(word), DidYouMean(strings.ToUpper(name),
				"DEBUG", "AAONLY", "USEVC", "PRIMARY", "IGNTC", "RECURSE", "DEFNAMES", "STAYOPEN", "DNSRCH", "USE_INET6", "HASWILDCARDMX", "WORKAROUNDBROKENAAAA"))
		}
		*flag = set != inverse
	}
	return f, nil
}

// named is what a word sets, and whether it clears that; nil for no word.
func (f *ResolverFlags) named(word string) (flag *bool, inverse bool) {
	switch word {
	case "USEVC":
		return &f.UseTCP, false
	case "IGNTC":
		return &f.IgnoreTruncated, false
	case "AAONLY":
		return &f.Authoritative, false
	case "PRIMARY":
		return &f.First, false
	case "RECURSE":
		return &f.NoRecursion, true
	case "DEFNAMES":
		return &f.NoDomain, true
	case "DNSRCH":
		return &f.NoSearch, true
	case "USE_INET6":
		return &f.NoIPv6, true
	case "HASWILDCARDMX":
		return &f.WildcardMX, false
	case "WORKAROUNDBROKENAAAA":
		return &f.BrokenAAAA, false
	case "DEBUG", "STAYOPEN": // questions are not traced, and each has its own connection
		return new(bool), false
	}
	return nil, false
}

func checkResolver(text string) (string, error) {
	_, err := ParseResolver(text)
	return strings.Join(strings.Fields(text), " "), err
}
