package config

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Watching is what the server tells of itself.
type Watching struct {
	// Format is "text", sendmail's lines, or "json", an object a line; "" is
	// text.
	Format string
	// Target is where the log goes: "stderr", "journal", "syslog", or
	// "syslog:" with unix:PATH or udp:HOST:PORT; "" is stderr.
	Target string
	// Listen is host:port where metrics and health are told over HTTP; "" is
	// nowhere.
	Listen string
}

var logFormatWords = [...]string{"text", "json"}

func parseLogFormat(text string) (string, error) {
	i, err := word(text, "format of a log", logFormatWords[:], "")
	if err != nil {
		return "", err
	}
	return logFormatWords[i], nil
}

// parseLogTarget reads where a log goes.
func parseLogTarget(text string) (string, error) {
	where, isSyslog := strings.CutPrefix(text, "syslog:")
	path, isPath := strings.CutPrefix(where, "unix:")
	address, isUDP := strings.CutPrefix(where, "udp:")
	switch {
	case text == "stderr", text == "journal", text == "syslog":
		return text, nil
	case isSyslog && isPath && filepath.IsAbs(path):
		return text, nil
	case isSyslog && isUDP:
		if host, port, ok := hostPort(address); ok && host != "" && port != "" {
			return text, nil
		}
	}
	return "", fmt.Errorf("%s is no place for a log: write stderr, journal, syslog, syslog:unix:/path or syslog:udp:host:514", quotedText(text))
}

// parseWatchListen reads host:port; without a host, it is this machine's own
// address: what is told there is not for everybody.
func parseWatchListen(text string) (string, error) {
	if strings.HasPrefix(text, ":") {
		text = "127.0.0.1" + text
	}
	if strings.HasPrefix(text, "unix:") {
		return "", fmt.Errorf("%s is no address for HTTP: write 127.0.0.1:9025", quotedText(text))
	}
	return parseServerListen(text)
}
