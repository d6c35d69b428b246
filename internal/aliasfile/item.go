// Package aliasfile reads the text of /etc/aliases (aliases(5)), and the lists
// that stand right of its colons, in files of :include: and in .forward. It opens
// nothing, and links little: the sendmail command stands on it too.
package aliasfile

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"mailcrane/internal/address"
)

// The bounds of a list.
const (
	MaxItems = 100_000  // destinations
	MaxLine  = 64 << 10 // octets of a line in a file of a list
)

// A Kind is what a destination is.
type Kind uint8

// The kinds.
const (
	Address Kind = iota // an address, or a name of this machine
	Mailbox             // \user: that mailbox, neither alias nor .forward
	File                // /path: mail is appended to it
	Program             // |command line: it gets the mail
	Include             // :include:/path: a file with a list
)

// An Item is one destination of a list.
type Item struct {
	Kind Kind
	// Text is the address; the name without the backslash, with a domain where one
	// stands there; the path; the command line without the bar; the path of the list.
	Text string
	// Where is file:line, or the database.
	Where string
}

// An Error is a destination that is none. It belongs to that one alone.
type Error struct {
	Where, Text, Why string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.Where, address.Shown(e.Text), e.Why)
}

// ParseList reads a file of a list or a .forward: each line is a list of its own;
// a line that begins with # says nothing, nor does what stands behind " #@#". What
// is wrong is reported as name:line, and the rest is read.
func ParseList(text, name string) (items []Item, wrong []error) {
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		where := fmt.Sprintf("%s:%d", name, number)
		if len(line) > MaxLine {
			wrong = append(wrong, &Error{where, line[:40], fmt.Sprintf("the line is longer than %d octets", MaxLine)})
			continue
		}
		line = withoutComment(strings.Trim(line, " \t\r"))
		if line == "" || line[0] == '#' {
			continue
		}
		more, bad := ParseValue(line, where)
		items, wrong = append(items, more...), append(wrong, bad...)
		if len(items) > MaxItems || len(wrong) > MaxItems {
			return items[:min(len(items), MaxItems)], append(wrong, &Error{where, "", fmt.Sprintf("the list has more than %d destinations; those after them are left out", MaxItems)})
		}
	}
	return items, wrong
}

// withoutComment cuts off what stands behind " #@#": a # alone may be in an address.
func withoutComment(line string) string {
	for from := 0; ; {
		i := strings.Index(line[from:], "#@#")
		if i < 0 {
			return line
		}
		i += from
		end := i + len("#@#")
		if i > 0 && isBlank(line[i-1]) && (end == len(line) || isBlank(line[end])) {
			return strings.TrimRight(line[:i], " \t")
		}
		from = end
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// ParseValue reads what stands right of the colon of an alias: commas divide.
func ParseValue(text, where string) (items []Item, wrong []error) {
	for word := range elements(text) {
		if len(items) == MaxItems || len(wrong) == MaxItems {
			return items, append(wrong, &Error{where, "", fmt.Sprintf("the list has more than %d destinations; those after them are left out", MaxItems)})
		}
		item, err := parseItem(word)
		if err != nil {
			wrong = append(wrong, &Error{where, word, err.Error()})
			continue
		}
		item.Where = where
		items = append(items, item)
	}
	return items, wrong
}

// elements divides a list at its commas, but for those within quotes or comments.
func elements(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		quoted, depth, from := false, 0, 0
		for i := 0; i <= len(text); i++ {
			switch {
			case i == len(text) || text[i] == ',' && !quoted && depth == 0:
				if word := strings.TrimSpace(text[from:i]); word != "" && !yield(word) {
					return
				}
				from = i + 1
			case text[i] == '\\':
				i = min(i+1, len(text)-1)
			case text[i] == '"' && depth == 0:
				quoted = !quoted
			case text[i] == '(' && !quoted && !strings.HasPrefix(strings.TrimLeft(text[from:i], " \t"), "|"):
				depth++
			case text[i] == ')' && !quoted && depth > 0:
				depth--
			}
		}
	}
}

const include, errorWord = ":include:", ":error:"

// parseItem reads one destination.
func parseItem(word string) (Item, error) {
	inner, quoted := strings.CutPrefix(word, `"`)
	if quoted {
		// A quoted local part with a domain is an address, whatever is in it.
		if end := closingQuote(word); strings.HasPrefix(strings.TrimLeft(word[end:], " \t"), "@") {
			return parseAddress(word)
		}
	}
	switch {
	case strings.HasPrefix(inner, "|"):
		return special(Program, strings.TrimPrefix(withoutQuotes(word), "|"), "no command stands behind the bar")
	case strings.HasPrefix(inner, "/") && (quoted || !strings.Contains(inner, "@")):
		return special(File, withoutQuotes(word), "it names no file")
	case hasFold(inner, include):
		item, err := special(Include, withoutQuotes(word)[len(include):], "no file stands behind :include:")
		if err == nil && !strings.HasPrefix(item.Text, "/") {
			err = errors.New("the path of an :include: has to begin with /")
		}
		return item, err
	case hasFold(inner, errorWord):
		return Item{}, errors.New(`a list has no errors of its own: put error:nouser 550 TEXT into the virtusertable`)
	case strings.HasPrefix(inner, `\`):
		name := strings.TrimLeft(withoutQuotes(word), `\`)
		if name == "" || strings.ContainsAny(name, " \t\"\\,") || !printable(name) {
			return Item{}, errors.New(`no name of a user stands behind the backslash`)
		}
		return Item{Kind: Mailbox, Text: name}, nil
	}
	return parseAddress(word)
}

func hasFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

func special(kind Kind, text, empty string) (Item, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "" || kind == File && strings.Trim(text, "/") == "":
		return Item{}, errors.New(empty)
	case !printable(text):
		return Item{}, errors.New("it has a control character in it, or is no UTF-8")
	}
	return Item{Kind: kind, Text: text}, nil
}

// printable says that there is no control character but tabs in it.
func printable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' && text[i] != '\t' || text[i] == 0x7f {
			return false
		}
	}
	return utf8.ValidString(text)
}

// closingQuote is the offset behind the quoted string that s begins with.
func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// withoutQuotes is text as sendmail hands it on: without its quotes, and of each
// backslash the octet behind it.
func withoutQuotes(text string) string {
	if !strings.ContainsAny(text, `"\`) {
		return text
	}
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			continue
		case '\\':
			if i++; i == len(text) {
				continue
			}
		}
		b = append(b, text[i])
	}
	return string(b)
}

func parseAddress(word string) (Item, error) {
	list, bad := address.ParseList(word)
	if len(bad) > 0 {
		return Item{}, errors.New(bad[0].Why)
	}
	if len(list) != 1 || list[0].Address == "" {
		return Item{}, errors.New("it is not one address: commas divide several")
	}
	to := list[0].Address
	if err := address.Valid(address.Qualify(to, "localhost")); err != nil {
		return Item{}, err
	}
	return Item{Kind: Address, Text: to}, nil
}
