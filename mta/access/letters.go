package access

import (
	"fmt"
	"strings"
)

// Letters are those of Srv_Features: by its lower-case form, true for the lower
// case letter, false for the upper; a letter that is not there has its default.
type Letters struct {
	set  uint32
	on   uint32
	Temp bool
	// Where is the file and the line, or "".
	Where string
}

// Is says whether the feature of the lower-case letter is on, where standard is
// what holds without an entry.
func (l Letters) Is(letter byte, standard bool) bool {
	bit := uint32(1) << (letter - 'a')
	if l.set&bit == 0 {
		return standard
	}
	return l.on&bit != 0
}

// The letters that mean something: of Srv_Features, by sendmail's guide, and of
// Clt_Features.
const (
	serverLetters = "AaBbCcDdEehLlPpSsVvXx"
	clientLetters = "DdMm"
)

// parseLetters reads letters with blanks between them, and "temp". Unknown ones
// are warned of and ignored. Several letters in a row are those letters, where
// each of them is one: of "SV" sendmail would see the first only, and say
// nothing.
func parseLetters(value, known string) (l Letters, warning string) {
	for word := range strings.FieldsSeq(value) {
		word = strings.Trim(word, `",`)
		switch {
		case word == "":
		case strings.EqualFold(word, "temp") && known == serverLetters:
			l.Temp = true
		case strings.Trim(word, known) == "":
			for _, c := range []byte(word) {
				l.put(c)
			}
		default:
			warning = fmt.Sprintf("unknown letter %s is ignored: there are %s", shown(word), strings.Join(strings.Split(known, ""), " "))
		}
	}
	return l, warning
}

func (l *Letters) put(c byte) {
	bit := uint32(1) << ((c | 0x20) - 'a')
	l.set |= bit
	l.on &^= bit
	if c >= 'a' {
		l.on |= bit
	}
}
