package config

import (
	"fmt"
	"strings"
)

// Network is how a captive portal is found out.
type Network struct {
	// Probe is a page, "http://…", or "" for none; Expect is what its answer
	// begins with where no portal is in the way, "" for status 204 or
	// NetworkManager's header.
	Probe, Expect string
}

// mostProbe bounds an address and an answer.
const mostProbe = 1000

// parseProbe takes an address in the clear: a portal cannot answer another.
func parseProbe(text string) (string, error) {
	const scheme = "http://"
	rest := strings.TrimPrefix(text, scheme)
	host, _, _ := strings.Cut(rest, "/")
	switch {
	case text == "":
		return "", nil
	case strings.HasPrefix(text, "https://"):
		return "", fmt.Errorf("%s is encrypted, so that no portal can answer it: write a page that begins with http://", quotedText(text))
	case !strings.HasPrefix(text, scheme), host == "", strings.Contains(host, "@"), len(text) > mostProbe, !graphic(rest):
		return "", fmt.Errorf("%s is no page: write an address that begins with http://, as in http://probe.example.org/", quotedText(text))
	}
	return text, nil
}

func parseExpect(text string) (string, error) {
	if len(text) > mostProbe {
		return "", fmt.Errorf("this is longer than the %d octets of an answer that are compared", mostProbe)
	}
	return strings.TrimSpace(text), nil
}

// graphic says that text is of visible ASCII signs alone.
func graphic(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
