package access

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/visible"
	"mailcrane/mta/textmap"
)

// shown is text from a map, or from a peer, as a message has it.
func shown(text string) string { return visible.Line(text, 120) }

// A tag is what stands before the colon of a key, in lower case.
type tag string

// The tags of sendmail; untagged is none.
const (
	untagged       tag = ""
	connect        tag = "connect"
	from           tag = "from"
	to             tag = "to"
	spam           tag = "spam"
	greetPause     tag = "greetpause"
	clientRate     tag = "clientrate"
	clientConn     tag = "clientconn"
	serverFeatures tag = "srv_features"
	clientFeatures tag = "clt_features"
	tryTLS         tag = "try_tls"
	tlsServer      tag = "tls_srv"
	tlsClient      tag = "tls_clt"
	tlsRecipient   tag = "tls_rcpt"
	tlsServerWith  tag = "tls_srv_features"
	tlsClientWith  tag = "tls_clt_features"
	certIssuer     tag = "certissuer"
	certSubject    tag = "certsubject"
	authInfo       tag = "authinfo"
	queueGroup     tag = "qgrp"
	compat         tag = "compat"
)

// A kind of key.
type keyKind uint8

const (
	anyKey     keyKind = iota // a host, an address, a mailbox
	hostKey                   // a host, a network
	mailboxKey                // a mailbox, a domain
	exactKey                  // anything
)

// tags are all of them, with what their keys are, whether the tag alone is the
// default of all, and what a value means.
var tags = [...]struct {
	tag   tag
	name  string // as sendmail spells it
	key   keyKind
	bare  bool
	check func(value string, o Options) (warning string, wrong error)
}{
	{connect, "Connect", hostKey, false, checkEntry},
	{from, "From", mailboxKey, false, checkEntry},
	{to, "To", mailboxKey, false, checkEntry},
	{spam, "Spam", mailboxKey, false, checkWords("FRIEND", "HATER")},
	{greetPause, "GreetPause", hostKey, true, checkNumber},
	{clientRate, "ClientRate", hostKey, true, checkNumber},
	{clientConn, "ClientConn", hostKey, true, checkNumber},
	{serverFeatures, "Srv_Features", hostKey, true, checkLetters(serverLetters)},
	{clientFeatures, "Clt_Features", hostKey, true, checkLetters(clientLetters)},
	{tryTLS, "Try_TLS", hostKey, true, checkWords("NO", "OK", "YES")},
	{tlsServer, "TLS_Srv", hostKey, true, checkRequirement},
	{tlsClient, "TLS_Clt", hostKey, true, checkRequirement},
	{tlsRecipient, "TLS_Rcpt", mailboxKey, true, checkRequirement},
	{tlsServerWith, "TLS_Srv_features", hostKey, true, checkTLSOptions},
	{tlsClientWith, "TLS_Clt_features", hostKey, true, checkTLSOptions},
	{certIssuer, "CertIssuer", exactKey, false, checkWords("RELAY", "SUBJECT")},
	{certSubject, "CertSubject", exactKey, false, checkWords("RELAY")},
	{authInfo, "AuthInfo", hostKey, true, checkAuthInfo},
	{queueGroup, "QGRP", mailboxKey, false, checkGroup},
	{compat, "Compat", exactKey, false, checkCompat},
}

func checkEntry(value string, o Options) (string, error) {
	_, warning, err := parseEntry(value, o)
	return warning, err
}

func checkWords(words ...string) func(string, Options) (string, error) {
	return func(value string, _ Options) (string, error) {
		if nameIndex(words, value) < 0 {
			return "", fmt.Errorf("%s means nothing here: write %s", shown(value), strings.Join(words, " or "))
		}
		return "", nil
	}
}

func checkNumber(value string, _ Options) (string, error) {
	_, err := parseNumber(value)
	return "", err
}

func parseNumber(value string) (int, error) {
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s is no number from 0 to %d", shown(value), 1<<31-1)
	}
	return int(n), nil
}

func checkLetters(known string) func(string, Options) (string, error) {
	return func(value string, _ Options) (string, error) {
		_, warning := parseLetters(value, known)
		return warning, nil
	}
}

func checkRequirement(value string, _ Options) (string, error) {
	if strings.EqualFold(value, "OK") { // nothing is asked of this one
		return "", nil
	}
	_, err := parseRequirement(value)
	return "", err
}

func checkTLSOptions(value string, _ Options) (string, error) {
	_, err := parseTLSOptions(value)
	return "", err
}

func checkAuthInfo(value string, _ Options) (string, error) {
	_, err := parseAuthInfo(value)
	return "", err
}

func checkGroup(value string, _ Options) (string, error) {
	if strings.ContainsAny(value, " \t") {
		return "", fmt.Errorf("%s is no name of a queue group", shown(value))
	}
	return "", nil
}

func checkCompat(value string, _ Options) (string, error) {
	_, warning, err := parseCompat(value)
	return warning, err
}

// split takes the tag off a key; known says that it is one of sendmail's. A key
// of IPv6 without a tag has a colon too.
func split(key string) (t tag, rest string, known bool) {
	head, rest, found := strings.Cut(key, ":")
	if !found || head == "ipv6" || strings.HasPrefix(head, "[") {
		return untagged, key, true
	}
	for i := range tags {
		if string(tags[i].tag) == head {
			return tags[i].tag, rest, true
		}
	}
	return tag(head), rest, false
}

// A checker looks at the lines of a map as it is read. Tags of one's own are
// those that some CITag names.
type checker struct {
	options Options
	asked   []string          // tags that a CITag has named
	own     []ownedEntry      // entries with tags of one's own
	letters map[string]string // those of each key that has some, with its tag
}

type ownedEntry struct {
	tag  tag
	line int
}

func (c *checker) check(e textmap.Entry) (warning string, wrong error) {
	t, key, known := split(e.Key)
	if t == tlsServer || t == tlsClient || t == tlsRecipient {
		c.noteTags(e.Value)
	}
	if !known {
		// An address of IPv6 has colons too.
		if wrong = checkKey(e.Key, anyKey); wrong != nil {
			return "", wrong
		}
		c.own = append(c.own, ownedEntry{t, e.Line})
		return "", nil
	}
	if t == untagged {
		if wrong = checkKey(key, anyKey); wrong != nil {
			return "", wrong
		}
		return checkEntry(e.Value, c.options)
	}
	for i := range tags {
		row := &tags[i]
		if row.tag != t {
			continue
		}
		if key == "" && !row.bare {
			return "", fmt.Errorf("%s: names nobody: write a name or an address behind it", row.name)
		}
		if wrong = checkKey(key, row.key); wrong != nil && key != "" {
			return "", wrong
		}
		if warning, wrong = row.check(e.Value, c.options); wrong == nil && warning == "" {
			warning = c.moreLetters(t, e)
		}
		return warning, wrong
	}
	return "", nil
}

// moreLetters says how to write letters in two lines with one key, of which the
// second is lost: tips on the net have one letter each, to be pasted.
func (c *checker) moreLetters(t tag, e textmap.Entry) (warning string) {
	if t != serverFeatures && t != clientFeatures {
		return ""
	}
	if first, again := c.letters[e.Key]; again && first != e.Value {
		return fmt.Sprintf("these letters do not count: write one line, %s %s %s", shown(e.Key), shown(first), shown(e.Value))
	}
	if c.letters == nil {
		c.letters = make(map[string]string)
	}
	c.letters[e.Key] = e.Value
	return ""
}

// noteTags remembers the tags that a CITag in the value names.
func (c *checker) noteTags(value string) {
	r, err := parseRequirement(value)
	if err != nil {
		return // it is complained of elsewhere
	}
	for _, e := range r.Extensions {
		if e.Name == "CITag" {
			c.asked = append(c.asked, strings.ToLower(e.Value))
		}
	}
}

// strangers are the lines whose tag nothing asks for.
func (c *checker) strangers(name string) error {
	var all []error
	for _, e := range c.own {
		if slices.Contains(c.asked, string(e.tag)) {
			continue
		}
		names := make([]string, len(tags))
		for i := range tags {
			names[i] = tags[i].name
		}
		all = append(all, fmt.Errorf("%s:%d: there is no tag %s%s", name, e.line, shown(string(e.tag)), config.DidYouMean(string(e.tag), names...)))
		if len(all) == 50 {
			break
		}
	}
	return errors.Join(all...)
}

// checkKey refuses keys that are never looked up.
func checkKey(key string, kind keyKind) error {
	switch {
	case kind == exactKey:
		return nil
	case strings.HasPrefix(key, "ipv6:"):
		return checkIPv6(key)
	case strings.Contains(key, "/"):
		if _, err := netip.ParsePrefix(key); err == nil {
			return fmt.Errorf("%s is never found: a network is named by its first octets, as 10.1.2, or groups, as IPv6:2001:db8", shown(key))
		}
	case kind == hostKey && strings.Contains(key, "@"):
		return fmt.Errorf("%s is never found: a host or an address is wanted here, not a mailbox", shown(key))
	case strings.Count(key, ":") > 1 && !strings.HasPrefix(key, "["):
		if addr, err := netip.ParseAddr(key); err == nil {
			full, _ := addressKey(addr)
			return fmt.Errorf("%s is never found: write IPv6%s", shown(key), strings.TrimPrefix(full, "ipv6"))
		}
	}
	return nil
}

// checkIPv6 refuses a form of the address that is not the one looked up.
func checkIPv6(key string) error {
	text := strings.TrimPrefix(key, "ipv6:")
	if addr, err := netip.ParseAddr(text); err == nil {
		if full, _ := addressKey(addr); full != key {
			return fmt.Errorf("%s is never found: write IPv6%s", shown(key), strings.TrimPrefix(full, "ipv6"))
		}
		return nil
	}
	for group := range strings.SplitSeq(text, ":") {
		n, err := strconv.ParseUint(group, 16, 16)
		if err != nil {
			return fmt.Errorf("%s is never found: write its groups in full, as IPv6:2001:db8:0:0", shown(key))
		}
		if strconv.FormatUint(n, 16) != group {
			return fmt.Errorf("%s is never found: write %x for the group %s", shown(key), n, group)
		}
	}
	return nil
}

// parseCompat reads DISCARD, TEMP:text, ERROR:text.
func parseCompat(value string) (e Entry, warning string, wrong error) {
	if text, ok := cutFold(value, "TEMP:"); ok {
		e, warning, wrong = parseError(plainText(text))
		if e.Code/100 == 5 { // without a code of its own, or with the wrong one
			e.Code, e.Status = 451, [3]int{4, 3, 0}
			warning = ""
		}
		e.Verb = Temporary
		return e, warning, wrong
	}
	e, warning, wrong = parseEntry(value, Options{})
	if wrong == nil && e.Verb != Discard && e.Verb != Error && e.Verb != OK {
		wrong = fmt.Errorf("%s means nothing here: write DISCARD, TEMP:text or ERROR:text", shown(value))
	}
	return e, warning, wrong
}
