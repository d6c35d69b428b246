package recode

import (
	"bytes"
	"strings"
)

// A label is what Content-Transfer-Encoding says (RFC 2045 section 6.1).
type label uint8

const (
	unlabelled label = iota // means 7bit
	sevenBit
	eightBit
	binaryLabel
	quotedPrintable
	base64Label
	unknownLabel // none of these, or two that contradict each other
)

// identity says that the octets of the body are those of the content.
func (l label) identity() bool { return l <= binaryLabel }

// A media is what a header section says about the body behind it.
type media struct {
	mediaType  string // in lower case, "" where there is no valid one
	boundary   string // usable for a multipart, or ""
	label      label
	hasType    bool
	hasVersion bool
	ambiguous  bool // two Content-Type fields that differ
	odd        bool // a line is no field
}

func mediaOf(head []byte) media {
	var m media
	var ctype []byte
	labelled := false
	for f := range fields(head) {
		switch f.name {
		case "":
			m.odd = m.odd || !separatorOfMbox(f.raw, head)
		case "mime-version":
			m.hasVersion = true
		case "content-type":
			if m.hasType {
				m.ambiguous = m.ambiguous || !bytes.Equal(ctype, f.value)
				continue
			}
			m.hasType, ctype = true, f.value
			m.mediaType, m.boundary = contentType(f.value)
		case "content-transfer-encoding":
			l := labelOf(f.value)
			if labelled && l != m.label && !(l.identity() && m.label.identity()) {
				l = unknownLabel
			}
			// Of two identity labels the wider one is believed.
			m.label = max(m.label, l)
			labelled = true
		}
	}
	return m
}

// separatorOfMbox knows the line that some programs leave at the beginning of a
// message, and that readers pass over.
func separatorOfMbox(line, head []byte) bool {
	return &line[0] == &head[0] && (bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From ")))
}

func labelOf(value []byte) label {
	v, ok := dropComments(value)
	if !ok {
		return unknownLabel
	}
	switch strings.ToLower(string(bytes.Trim(v, " \t\n;\""))) {
	case "":
		return unlabelled
	case "7bit", "7-bit":
		return sevenBit
	case "8bit", "8-bit":
		return eightBit
	case "binary":
		return binaryLabel
	case "quoted-printable":
		return quotedPrintable
	case "base64":
		return base64Label
	}
	return unknownLabel
}

// contentType finds the media type and a usable boundary.
func contentType(value []byte) (mediaType, boundary string) {
	pieces := splitParameters(value)
	v, ok := dropComments(pieces[0])
	if !ok {
		return "", ""
	}
	mediaType = strings.ToLower(string(bytes.Trim(v, " \t\n")))
	major, minor, ok := strings.Cut(mediaType, "/")
	if !ok || major == "" || minor == "" || strings.ContainsAny(mediaType, " \t\n") {
		return "", ""
	}
	for _, piece := range pieces[1:] {
		if p, ok := parseParameter(piece); ok && p.name == "boundary" {
			if usableBoundary(p.text) {
				boundary = p.text
			}
			break
		}
	}
	return mediaType, boundary
}

// usableBoundary is more lenient than RFC 2046 section 5.1.1 about length and
// alphabet, as mail programs are, and no more lenient than a comparison of
// whole lines can bear.
func usableBoundary(b string) bool {
	if b == "" || len(b) > 200 || b[len(b)-1] == ' ' {
		return false
	}
	for i := range len(b) {
		if b[i] < ' ' || b[i] >= 0x7f {
			return false
		}
	}
	return true
}

// mayBeEncoded says whether the media type, not a multipart, allows base64 and
// quoted-printable. Of message types only those made for non-ASCII headers do
// (RFC 6532 section 3.7, RFC 6533); RFC 2046 section 5.2 forbids it for the rest.
func mayBeEncoded(mediaType string) bool {
	switch mediaType {
	case "message/global", "message/global-headers",
		"message/global-delivery-status", "message/global-disposition-notification":
		return true
	}
	return !strings.HasPrefix(mediaType, "message/")
}
