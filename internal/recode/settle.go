package recode

import (
	"errors"
	"fmt"
)

// settle decides the labels, which depend on what became of the parts inside,
// and returns the parts that change, or nil.
func (s *surveyor) settle() []part {
	changed := false
	for i := range s.parts {
		p := &s.parts[i]
		changed = changed || p.form != asIs || p.convertFields
		switch p.form {
		case asIs:
			continue
		case toQuoted:
			p.newLabel = "quoted-printable"
		case toBase64, toBase64Exact:
			p.newLabel = "base64"
		}
		// Without MIME-Version in each message around it the label says nothing
		// (RFC 2045 section 4).
		for j := i; j >= 0; j = s.parts[j].parent {
			q := &s.parts[j]
			q.addVersion = q.message && !q.hasVersion
		}
	}
	if !changed {
		return nil
	}
	kept := s.parts[:0]
	for _, p := range s.parts {
		if p.newLabel == "" {
			p.newLabel = relabel(p.label, s.need)
		}
		if p.form != asIs || p.rewritesHead() {
			kept = append(kept, p)
		}
	}
	return kept
}

// relabel is the label of content that passes as it is, where the old one says
// more than the server can take (RFC 6152 section 3) and than is true.
func relabel(l label, n Need) string {
	switch {
	case n.SevenBit && (l == eightBit || l == binaryLabel):
		return "7bit"
	case n.ShortLines && l == binaryLabel:
		return "8bit"
	}
	return ""
}

// typed adds the media type to what is said about a place.
func (at place) typed(mediaType string) place {
	if mediaType != "" {
		at.number += " (" + mediaType + ")"
	}
	return at
}

func (at place) String() string {
	switch {
	case at.number == "" || at.number[0] == ' ':
		return "the message" + at.number
	default:
		return "part " + at.number
	}
}

// words says what the server cannot take, and what it would need.
func (d dirt) words(n Need) (what, lacks string) {
	switch {
	case n.SevenBit && d.high > 0:
		return "octets above 127", "8BITMIME"
	case d.nul:
		return "a NUL octet", "BINARYMIME"
	case d.cr:
		return "a CR without LF", "BINARYMIME"
	}
	return "a line over 998 octets", "BINARYMIME"
}

func (s *surveyor) impossible(what string, d dirt, why string) *Impossible {
	has, lacks := d.words(s.need)
	return &Impossible{
		What: fmt.Sprintf("%s has %s, which a server without %s cannot take, and %s", what, has, lacks, why),
		Do:   fmt.Sprintf("send it again with every part in quoted-printable or base64, or through a server that offers %s", lacks),
	}
}

// impossibleField puts the fault of one header field into a sentence.
func (s *surveyor) impossibleField(at place, f field, d dirt, fault error) *Impossible {
	what := "a header line that is not a field, in " + at.String()
	if f.name != "" {
		what = fmt.Sprintf("the header field %s of %s", f.title[:len(f.title)-1], at)
	}
	e := s.impossible(what, d, fault.Error())
	switch {
	case errors.Is(fault, errAddress):
		e.Do = "use addresses in ASCII only, or send it through a server that offers SMTPUTF8"
	default:
		e.Do = "send it again with that field in ASCII and in lines of at most 998 octets"
	}
	return e
}
