package local

import (
	"errors"
	"strings"
)

// procmailArgv is how sendmail calls procmail as its local mailer; -f has it know
// the reverse-path.
func procmailArgv(path string) []string {
	if path == "" {
		path = "procmail"
	}
	return []string{path, "-f", "$f", "-Y", "-a", "$h", "-d", "$u"}
}

// words takes the arguments of a program apart: white space divides them, quotes
// and backslashes keep it. No shell sees them.
func words(text string) (argv []string, err error) {
	var word strings.Builder
	inWord, quote, escaped := false, rune(0), false
	for _, c := range text {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case c == ' ' || c == '\t':
			if inWord {
				argv = append(argv, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a quote has no end")
	}
	if inWord {
		argv = append(argv, word.String())
	}
	if len(argv) == 0 {
		return nil, errors.New("it names no program")
	}
	return argv, nil
}
