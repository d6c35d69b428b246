package recode

import (
	"bytes"
	"iter"
	"strings"

	"mailcrane/internal/header"
)

// A field is one header field or, with an empty name, a line that is none:
// accepted mail has such lines. Within this package header sections have "\n"
// for every line end, so that a "\r" is always content.
type field struct {
	raw   []byte // all of it, with its line ends
	name  string // in lower case
	title []byte // the name as written, up to and with the colon
	value []byte // behind the colon, without the last line end
}

// fields takes a header section apart, lines that are no field included.
func fields(head []byte) iter.Seq[field] {
	return func(yield func(field) bool) {
		for _, f := range header.Parse(head).Fields {
			if !yield(parseField(f)) {
				return
			}
		}
	}
}

func parseField(f header.Field) field {
	name := f.Name()
	colon := bytes.IndexByte(f.Raw, ':')
	notInName := func(c rune) bool { return c <= ' ' || c >= 0x7f }
	if name == "" || strings.ContainsFunc(name, notInName) {
		return field{raw: f.Raw}
	}
	// Not f.Body(), to which a CR before the line end would be part of that.
	value := bytes.TrimSuffix(f.Raw[colon+1:], []byte("\n"))
	return field{f.Raw, strings.ToLower(name), f.Raw[:colon+1], value}
}

// measure says what the lines of a field or header section have.
func measure(head []byte) dirt {
	var d dirt
	for len(head) > 0 {
		line := head
		if i := bytes.IndexByte(head, '\n'); i >= 0 {
			line, head = head[:i], head[i+1:]
		} else {
			head = nil
		}
		d.add(line)
		d.long = d.long || len(line) > maxLine
	}
	return d
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// A class is how the text of a field is built, which says where encoded-words
// may stand (RFC 2047 section 5).
type class uint8

const (
	unstructured class = iota // anywhere
	addresses                 // in phrases and comments
	phrases                   // likewise; the whole field is a list of phrases
	comments                  // in comments only
	parameters                // RFC 2231 instead
)

// classOf knows the fields of RFC 5322, RFC 2045 and the common others. What
// nobody knows counts as unstructured (RFC 5322 section 3.6.8).
func classOf(name string) class {
	name = strings.TrimPrefix(name, "resent-")
	switch name {
	case "from", "sender", "reply-to", "to", "cc", "bcc", "list-id",
		"apparently-to", "disposition-notification-to", "errors-to",
		"mail-followup-to", "mail-reply-to", "return-receipt-to":
		return addresses
	case "keywords":
		return phrases
	case "content-type", "content-disposition":
		return parameters
	case "date", "message-id", "in-reply-to", "references", "received",
		"return-path", "delivered-to", "mime-version", "content-id",
		"content-transfer-encoding", "content-language", "content-md5",
		"authentication-results", "received-spf", "dkim-signature",
		"list-archive", "list-help", "list-owner", "list-post",
		"list-subscribe", "list-unsubscribe", "list-unsubscribe-post",
		"arc-seal", "arc-message-signature", "arc-authentication-results",
		"original-recipient", "autocrypt":
		return comments
	}
	return unstructured
}
