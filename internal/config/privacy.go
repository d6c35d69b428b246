package config

import "strings"

// PrivacyFlags are sendmail's PrivacyOptions.
type PrivacyFlags uint16

// The flags, in the order of their words.
const (
	// AuthWarnings has X-Authentication-Warning added for -f and its kin.
	AuthWarnings PrivacyFlags = 1 << iota
	// NoBodyReturn has reports carry the header of a message only.
	NoBodyReturn
	// NoReceipts asks for no success reports, and offers none.
	NoReceipts
	// NeedMailHelo, NeedExpnHelo and NeedVrfyHelo want HELO before the command.
	NeedMailHelo
	NeedExpnHelo
	NeedVrfyHelo
	// NoExpn, NoVrfy, NoETRN and NoVerb refuse the command.
	NoExpn
	NoVrfy
	NoETRN
	NoVerb
	// RestrictMailq, RestrictQrun and RestrictExpand are so here in any case: who
	// is not the owner of a spool sees nothing of it.
	RestrictMailq
	RestrictQrun
	RestrictExpand
	// NoActualRecipient keeps X-Actual-Recipient out of reports.
	NoActualRecipient
)

var privacyWords = [...]string{
	"authwarnings", "nobodyreturn", "noreceipts", "needmailhelo", "needexpnhelo", "needvrfyhelo",
	"noexpn", "novrfy", "noetrn", "noverb", "restrictmailq", "restrictqrun", "restrictexpand", "noactualrecipient",
}

// goAway is what goaway stands for in sendmail's code.
const goAway = NeedMailHelo | NeedExpnHelo | NeedVrfyHelo | NoExpn | NoVrfy | NoVerb | AuthWarnings

// Has says that flag is among them.
func (p PrivacyFlags) Has(flag PrivacyFlags) bool { return p&flag != 0 }

// privacyFlags reads a list of sendmail's words. One that there is not is passed
// over, as on sendmail's command line.
func privacyFlags(text string) (p PrivacyFlags) {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		if strings.EqualFold(word, "goaway") {
			p |= goAway
		}
		for i, w := range privacyWords {
			if strings.EqualFold(word, w) {
				p |= 1 << i
			}
		}
	}
	if p.Has(NoExpn) {
		p |= NoVerb // what VERB shows of a list is what EXPN would
	}
	return p
}

func (p PrivacyFlags) words() []string {
	var words []string
	for i, w := range privacyWords {
		if p.Has(1 << i) {
			words = append(words, w)
		}
	}
	return words
}
