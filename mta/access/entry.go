package access

import (
	"fmt"
	"strconv"
	"strings"
)

// A Verb is what an entry says.
type Verb uint8

// The verbs; Nothing is that there is no entry.
const (
	Nothing Verb = iota
	OK
	Relay
	Reject
	Discard
	Skip
	Quarantine
	Error
	Subject
	Friend
	Hater
	Temporary // of Compat: refused for now, with Text
)

// An Entry is a line of the map that was found.
type Entry struct {
	Verb Verb
	// Code, Status and Text are the reply of an Error, or Text the reason of a
	// Quarantine.
	Code   int
	Status [3]int
	Text   string
	// Key is what stands in the map, lower case, without its tag.
	Key string
	// Where is the file and the line.
	Where string
}

// verbWords are the values that are one word.
var verbWords = [...]struct {
	word string
	verb Verb
}{
	{"OK", OK},
	{"RELAY", Relay},
	{"REJECT", Reject},
	{"DISCARD", Discard},
	{"SKIP", Skip},
	{"SUBJECT", Subject},
	{"FRIEND", Friend},
	{"HATER", Hater},
}

func verbOf(value string) Verb {
	for _, w := range verbWords {
		if strings.EqualFold(value, w.word) {
			return w.verb
		}
	}
	return Nothing
}

// Replies that sendmail makes where a value says no more.
const (
	codeUnknown = 553 // of a value that is no word: "553 5.3.0"
	maxReply    = 512 // RFC 5321 section 4.5.3.1.5
)

// parseEntry reads the value of an entry that decides: a word, QUARANTINE:reason,
// ERROR:x.y.z:nnn text, ERROR:nnn text, nnn text; anything else is the text of an
// error, as sendmail has it, and worth a warning.
func parseEntry(value string, o Options) (e Entry, warning string, wrong error) {
	if verb := verbOf(value); verb != Nothing && (verb != Skip || o.Skip) {
		return Entry{Verb: verb}, "", nil
	}
	head, rest, tagged := strings.Cut(value, ":")
	switch {
	case tagged && strings.EqualFold(head, "QUARANTINE"):
		if rest = plainText(rest); rest == "" {
			return Entry{}, "", fmt.Errorf("QUARANTINE: needs a reason: for example QUARANTINE:suspicious")
		}
		return Entry{Verb: Quarantine, Text: rest}, "", nil
	case tagged && strings.EqualFold(head, "ERROR"):
		return parseError(plainText(rest))
	}
	text := plainText(value)
	if _, ok := replyCode(text); ok {
		return parseError(text)
	}
	e = Entry{Verb: Error, Code: codeUnknown, Status: [3]int{5, 3, 0}, Text: text}
	if strings.EqualFold(value, "SKIP") {
		return e, "SKIP is refused as an error, because the option skip is not set", nil
	}
	return e, fmt.Sprintf("%s is no word of an access map, and is sent as the text of an error: 553 5.3.0 %s", shown(value), shown(text)), nil
}

// ParseError reads the text of an error as other maps have it too: in quotes or
// not, [x.y.z:][nnn ][x.y.z ]text.
func ParseError(text string) (e Entry, warning string, wrong error) {
	return parseError(plainText(text))
}

// parseError reads [x.y.z:][nnn ][x.y.z ]text.
func parseError(text string) (e Entry, warning string, wrong error) {
	e = Entry{Verb: Error}
	if head, rest, found := strings.Cut(text, ":"); found {
		if status, ok := parseStatus(head); ok {
			e.Status, text = status, strings.TrimSpace(rest)
		}
	}
	code, ok := replyCode(text)
	switch {
	case !ok && e.Status[0] == 0:
		e.Code, e.Status, e.Text = codeUnknown, [3]int{5, 3, 0}, text
		warning = fmt.Sprintf("the error has no code of a reply, and is sent as 553 5.3.0 %s", shown(text))
	case !ok:
		e.Code, e.Text = codeUnknown, text
		if e.Status[0] == 4 {
			e.Code = 451
		}
	default:
		if code < 400 || code > 599 {
			return Entry{}, "", fmt.Errorf("%d is no code that refuses: it begins with 4 or 5", code)
		}
		e.Code, e.Text = code, strings.TrimSpace(text[3:])
		head, rest, _ := strings.Cut(e.Text, " ")
		if status, found := parseStatus(head); found { // the nearest to the text counts
			e.Status, e.Text = status, strings.TrimSpace(rest)
		} else if e.Status[0] == 0 {
			e.Status = [3]int{code / 100, 0, 0}
		}
	}
	if e.Status[0] != e.Code/100 {
		warning = fmt.Sprintf("the status %d.%d.%d does not go with the code %d", e.Status[0], e.Status[1], e.Status[2], e.Code)
	}
	if len(e.Text) > maxReply-len("nnn x.yyy.zzz \r\n") {
		return Entry{}, "", fmt.Errorf("the text is longer than a reply may be, %d octets", maxReply)
	}
	return e, warning, nil
}

// replyCode is the three digits at the beginning of text.
func replyCode(text string) (int, bool) {
	if len(text) < 3 || len(text) > 3 && text[3] != ' ' {
		return 0, false
	}
	for _, c := range []byte(text[:3]) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	code, err := strconv.Atoi(text[:3])
	return code, err == nil
}

// parseStatus reads an enhanced status that refuses (RFC 3463).
func parseStatus(text string) (status [3]int, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[0] != "4" && parts[0] != "5" {
		return status, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil || n > 999 {
			return [3]int{}, false
		}
		status[i] = int(n)
	}
	return status, true
}

// plainText is a text without the quotation marks that keep its spacing;
// elsewhere, white space is one blank.
func plainText(text string) string {
	if !strings.Contains(text, `"`) {
		return strings.Join(strings.Fields(text), " ")
	}
	var b strings.Builder
	quoted, blank := false, false
	for _, c := range []byte(text) {
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t'):
			blank = b.Len() > 0
		default:
			if blank {
				b.WriteByte(' ')
			}
			blank = false
			b.WriteByte(c)
		}
	}
	return b.String()
}
