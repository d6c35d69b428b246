package queue

import (
	"strings"

	"mailcrane/internal/header"
)

// fieldRoom bounds what is kept of a field. The fields that make a class are
// short; of a longer one only the start counts.
const fieldRoom = 1024

// headerReach bounds how far into a message its class is looked for.
const headerReach = 256 << 10

// A classifier finds the Class of a message while its octets pass: it looks at
// the header section alone, and keeps no more than one field. What follows the
// header section costs one comparison a call.
type classifier struct {
	field  [fieldRoom]byte // the field under way, folding included
	n      int
	seen   int
	inLine bool // an octet of the line has come
	over   bool // the header section has ended

	precedence, priority, contentType foundField
	// what mail programs write where a person asks for haste
	xPriority, importance foundField
}

// A foundField is the text of a field; where one stands more than once, of the
// first.
type foundField struct {
	there bool
	text  string
}

// part takes octets of a line, without its LF.
func (c *classifier) part(p []byte) {
	if c.over {
		return
	}
	if c.seen += len(p); c.seen > headerReach {
		c.over = true
		return
	}
	if !c.inLine {
		c.inLine = true
		if p[0] != ' ' && p[0] != '\t' {
			c.endField()
		}
	}
	c.n += copy(c.field[c.n:], p)
}

// endLine takes a LF.
func (c *classifier) endLine() {
	if c.over {
		return
	}
	if blank := !c.inLine || c.n == 1 && c.field[0] == '\r'; blank {
		c.endField()
		c.over = true
		return
	}
	c.n += copy(c.field[c.n:], "\n")
	c.inLine = false
}

// end is called after the last octet.
func (c *classifier) end() {
	if !c.over {
		c.endField()
	}
}

// endField looks at the field that is now whole. What is not shaped like one
// is the first line of the body.
func (c *classifier) endField() {
	raw := c.field[:c.n]
	c.n = 0
	if len(raw) == 0 {
		return
	}
	if section, _, _ := new(header.Scan).End(raw, true); section == 0 {
		c.over = true
		return
	}
	field := header.Field{Raw: raw}
	switch {
	case field.Is("Precedence"):
		c.precedence.first(field)
	case field.Is("Priority"):
		c.priority.first(field)
	case field.Is("X-Priority"):
		c.xPriority.first(field)
	case field.Is("Importance"):
		c.importance.first(field)
	case field.Is("Content-Type"):
		c.contentType.first(field)
	}
}

func (f *foundField) first(field header.Field) {
	if !f.there {
		f.there, f.text = true, field.Text()
	}
}

// class is what the fields say together. A delivery status notification has a
// class of its own, and Priority (RFC 2156) goes before both, as in sendmail.
// Where that says nothing, what mail programs write in its place counts as it:
// X-Priority, from 1 for the highest to 5, or Importance (RFC 2156).
func (c *classifier) class() Class {
	class := Class{Precedence: precedence(c.precedence.text)}
	switch {
	case class.Precedence > 0:
		class.Timing = Urgent
	case class.Precedence < 0:
		class.Timing = NonUrgent
	}
	if isNotice(c.contentType.text) {
		class.Timing = Notice
	}
	switch {
	case strings.EqualFold(c.priority.text, "urgent"):
		class.Timing = Urgent
	case strings.EqualFold(c.priority.text, "normal"):
		class.Timing = Normal
	case strings.EqualFold(c.priority.text, "non-urgent"):
		class.Timing = NonUrgent
	case class.Timing != Normal:
	case startsWithOneOf(c.xPriority.text, "12"), strings.EqualFold(c.importance.text, "high"):
		class.Timing = Urgent
	case startsWithOneOf(c.xPriority.text, "45"), strings.EqualFold(c.importance.text, "low"):
		class.Timing = NonUrgent
	}
	return class
}

// startsWithOneOf says that text, as "1 (Highest)", is a number of one of those
// digits.
func startsWithOneOf(text, digits string) bool {
	number, _, _ := strings.Cut(text, " ")
	return len(number) == 1 && strings.Contains(digits, number)
}

// precedence is the number of a word, as in sendmail's own configuration; that
// of an unknown one is 0.
func precedence(word string) int {
	for _, known := range [...]struct {
		word   string
		number int
	}{{"special-delivery", 100}, {"first-class", 0}, {"list", -30}, {"bulk", -60}, {"junk", -100}} {
		if strings.EqualFold(word, known.word) {
			return known.number
		}
	}
	return 0
}

// isNotice says that a Content-Type is that of a delivery status notification
// (RFC 3464 section 2).
func isNotice(contentType string) bool {
	media, rest := cutAtSemicolon(contentType)
	if !strings.EqualFold(strings.TrimSpace(media), "multipart/report") {
		return false
	}
	for rest != "" {
		var parameter string
		parameter, rest = cutAtSemicolon(rest)
		name, value, _ := strings.Cut(parameter, "=")
		if strings.EqualFold(strings.TrimSpace(name), "report-type") {
			return strings.EqualFold(strings.Trim(value, " \t\""), "delivery-status")
		}
	}
	return false
}

// cutAtSemicolon cuts at the first semicolon that is not quoted.
func cutAtSemicolon(text string) (before, after string) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quoted:
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ';' && !quoted:
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}
