package config

import (
	"fmt"
	"strings"
)

// Blame is a set of words of sendmail's DontBlameSendmail, each of which has one
// check of a support file left out. The zero Blame is sendmail's Safe: every
// check is made.
type Blame uint64

// The words, as sendmail's guide for installation and operation has them.
const (
	AssumeSafeChown Blame = 1 << iota
	ClassFileInUnsafeDirPath
	DontWarnForwardFileInUnsafeDirPath
	ErrorHeaderInUnsafeDirPath
	FileDeliveryToHardLink
	FileDeliveryToSymLink
	ForwardFileInGroupWritableDirPath
	ForwardFileInUnsafeDirPath
	ForwardFileInUnsafeDirPathSafe
	GroupReadableKeyFile
	GroupReadableSASLDBFile
	GroupReadableDefaultAuthInfoFile
	GroupWritableAliasFile
	GroupWritableDirPathSafe
	GroupWritableForwardFile
	GroupWritableForwardFileSafe
	GroupWritableIncludeFile
	GroupWritableIncludeFileSafe
	GroupWritableSASLDBFile
	HelpFileInUnsafeDirPath
	IncludeFileInGroupWritableDirPath
	IncludeFileInUnsafeDirPath
	IncludeFileInUnsafeDirPathSafe
	InsufficientEntropy
	LinkedAliasFileInWritableDir
	LinkedClassFileInWritableDir
	LinkedForwardFileInWritableDir
	LinkedIncludeFileInWritableDir
	LinkedMapInWritableDir
	LinkedServiceSwitchFileInWritableDir
	MapInUnsafeDirPath
	NonRootSafeAddr
	RunProgramInUnsafeDirPath
	RunWritableProgram
	TrustStickyBit
	WorldWritableAliasFile
	WorldWritableForwardFile
	WorldWritableIncludeFile
	WriteMapToHardLink
	WriteMapToSymLink
	WriteStatsToHardLink
	WriteStatsToSymLink
)

// blameWords are in the order of the constants.
var blameWords = [...]string{
	"AssumeSafeChown", "ClassFileInUnsafeDirPath", "DontWarnForwardFileInUnsafeDirPath", "ErrorHeaderInUnsafeDirPath",
	"FileDeliveryToHardLink", "FileDeliveryToSymLink", "ForwardFileInGroupWritableDirPath", "ForwardFileInUnsafeDirPath",
	"ForwardFileInUnsafeDirPathSafe", "GroupReadableKeyFile", "GroupReadableSASLDBFile", "GroupReadableDefaultAuthInfoFile",
	"GroupWritableAliasFile", "GroupWritableDirPathSafe", "GroupWritableForwardFile", "GroupWritableForwardFileSafe",
	"GroupWritableIncludeFile", "GroupWritableIncludeFileSafe", "GroupWritableSASLDBFile", "HelpFileInUnsafeDirPath",
	"IncludeFileInGroupWritableDirPath", "IncludeFileInUnsafeDirPath", "IncludeFileInUnsafeDirPathSafe", "InsufficientEntropy",
	"LinkedAliasFileInWritableDir", "LinkedClassFileInWritableDir", "LinkedForwardFileInWritableDir", "LinkedIncludeFileInWritableDir",
	"LinkedMapInWritableDir", "LinkedServiceSwitchFileInWritableDir", "MapInUnsafeDirPath", "NonRootSafeAddr",
	"RunProgramInUnsafeDirPath", "RunWritableProgram", "TrustStickyBit", "WorldWritableAliasFile",
	"WorldWritableForwardFile", "WorldWritableIncludeFile", "WriteMapToHardLink", "WriteMapToSymLink",
	"WriteStatsToHardLink", "WriteStatsToSymLink",
}

// safeWord takes back what stood before it.
const safeWord = "Safe"

// ParseBlame reads words with commas or white space between them, in any case;
// Safe takes back those before it.
func ParseBlame(text string) (Blame, error) { return Blame(0).with(text) }

// with adds the words of text to b.
func (b Blame) with(text string) (Blame, error) {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }) {
		if strings.EqualFold(word, safeWord) {
			b = 0
			continue
		}
		one := blameNamed(word)
		if one == 0 {
			return 0, fmt.Errorf("%s is no word of DontBlameSendmail%s", quotedText(word), DidYouMean(word, append(blameWords[:], safeWord)...))
		}
		b |= one
	}
	return b, nil
}

func blameNamed(word string) Blame {
	for i, w := range blameWords {
		if strings.EqualFold(word, w) {
			return 1 << i
		}
	}
	return 0
}

// Has says that all words of other are in b.
func (b Blame) Has(other Blame) bool { return b&other == other }

// Words are those in b, as sendmail spells them.
func (b Blame) Words() []string {
	var words []string
	for i, w := range blameWords {
		if b.Has(1 << i) {
			words = append(words, w)
		}
	}
	return words
}

func (b Blame) String() string {
	if b == 0 {
		return safeWord
	}
	return strings.Join(b.Words(), ",")
}
