package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"mailcrane/internal/address"
	"mailcrane/internal/sysexits"
)

// mostSocket bounds the path of a socket, in octets: no system has room for
// less (unix(7)).
const mostSocket = 100

// parseSocket reads the path of a socket, with or without "unix:" before it.
func parseSocket(text string) (string, error) {
	path := strings.TrimPrefix(text, "unix:")
	if text == "" {
		return "", nil
	}
	if !filepath.IsAbs(path) || len(path) > mostSocket {
		return "", fmt.Errorf("%s does not name a socket: write a path that begins with / and has at most %d octets", quotedText(text), mostSocket)
	}
	return path, nil
}

func parseAbsolute(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if !filepath.IsAbs(text) {
		return "", fmt.Errorf("%s is no absolute path: begin it with /", quotedText(text))
	}
	return filepath.Clean(text), nil
}

// parseAdmin reads an address with a domain.
func parseAdmin(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if address.Domain(text) == "" {
		return "", fmt.Errorf("%s is no address that mail can be sent to: write me@example.org", quotedText(text))
	}
	if err := address.Valid(text); err != nil {
		return "", fmt.Errorf("%s is no address: %w", quotedText(text), err)
	}
	return text, nil
}

// parseAliasFile reads the path of a file of aliases. sendmail's class of a
// database before it is left out: the text itself is read.
func parseAliasFile(text string) (string, error) {
	for _, class := range [...]string{"hash:", "btree:", "dbm:", "cdb:", "text:", "files:"} {
		text = strings.TrimPrefix(text, class)
	}
	if text == "" {
		return "", nil
	}
	if strings.ContainsAny(text, ", \t") {
		return "", errors.New("there can be one file of aliases: put all of them into it")
	}
	if !filepath.IsAbs(text) && !strings.HasPrefix(text, "~/") {
		return "", fmt.Errorf("%s is no file of aliases: write a path that begins with /", quotedText(text))
	}
	return text, nil
}

// settleSystem checks what belongs together.
func (c *Config) settleSystem(raw *file) error {
	switch s := c.System; {
	case s.Socket != "" && s.Drop == "":
		return sysexits.Errorf(sysexits.Config, `add to [system]: drop = "/var/spool/mailcrane/drop"`,
			"%s: system.socket is set, and no system.drop for mail that is handed in while the agent does not answer", raw.where(raw.at["system.socket"]))
	case s.Socket == "" && s.Drop != "":
		return sysexits.Errorf(sysexits.Config, `add to [system]: socket = "/run/mailcrane/submit.sock"`,
			"%s: system.drop is set, and no system.socket at which the agent would take mail in", raw.where(raw.at["system.drop"]))
	}
	return nil
}
