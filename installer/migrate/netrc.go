package migrate

import (
	"strings"
	"unicode/utf8"
)

// netrc is the password for a user on a host in a file of ftp(1)'s form:
// "machine HOST login USER password PASSWORD", or "default …" at the end.
func (m *Machine) netrc(f *Found, name, host, user string) Password {
	if name == "" {
		return Password{}
	}
	text, err := m.settings(name)
	if err != nil || !utf8.Valid(text) {
		return Password{}
	}
	for _, e := range netrcEntries(string(text)) {
		if (e.host == host || e.host == "") && (e.login == user || e.login == "") && e.password != "" {
			f.read(name)
			return passwordOf(e.password)
		}
	}
	return Password{}
}

// A netrcEntry is one of its entries; host "" is that of default.
type netrcEntry struct{ host, login, password string }

// netrcEntries reads words, which may be quoted. A macro, which ends at an
// empty line, is passed over.
func netrcEntries(text string) []netrcEntry {
	var all []netrcEntry
	words := netrcWords(text)
	for i := 0; i < len(words); i++ {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch words[i] {
		case "machine":
			all = append(all, netrcEntry{host: next})
			i++
		case "default":
			all = append(all, netrcEntry{})
		case "login", "password", "account":
			if len(all) > 0 {
				e := &all[len(all)-1]
				switch words[i] {
				case "login":
					e.login = next
				case "password":
					e.password = next
				}
			}
			i++
		}
	}
	return all
}

func netrcWords(text string) []string {
	var words []string
	macro := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if macro {
			macro = line != ""
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		if i := strings.Index(line, "macdef"); i == 0 || i > 0 && line[i-1] == ' ' {
			line, macro = line[:i], true
		}
		words = append(words, quotedWords(line, `"`)...)
	}
	return words
}

// quotedWords divides text at white space, as a shell does where quotes has
// the characters that quote: within them, and behind a backslash, all stays.
// Within single quotes a backslash is one.
func quotedWords(text, quotes string) []string {
	var words []string
	var word strings.Builder
	inWord, quote := false, byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && quote != '\'' && i+1 < len(text):
			i++
			word.WriteByte(text[i])
			inWord = true
		case quote != 0:
			word.WriteByte(c)
		case strings.IndexByte(quotes, c) >= 0:
			quote, inWord = c, true
		case c == ' ' || c == '\t':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}
