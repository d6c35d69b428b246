package config

import (
	"fmt"
	"strings"

	"mailcrane/internal/address"
)

// The words of each option that has some, those with a letter by it.
var (
	modeWords  = [...]string{"interactive", "background", "queue", "deferred"}
	errorWords = [...]string{"print", "mail", "write", "exit0", "quiet"}
	orderWords = [...]string{"priority", "host", "time", "filename", "modification", "random", "none"}
	emptyWords = [...]string{"none", "add-to", "add-apparently-to", "add-bcc", "add-to-undisclosed"}
	ageWords   = [...]string{"tried", "received"}
)

// word is which of words text is, by the whole word or, with letters, by the
// letter; noun is what they are called.
func word(text, noun string, words []string, letters string) (int, error) {
	for i, w := range words {
		if strings.EqualFold(text, w) || letters != "" && strings.EqualFold(text, letters[i:i+1]) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%s is no %s: use %s or %s", quotedText(text), noun,
		strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
}

// quotedText is text from outside between quotes, bounded and printable.
func quotedText(text string) string { return `"` + address.Shown(text) + `"` }

// ParseMode reads a delivery mode: its word, or its first letter.
func ParseMode(text string) (Mode, error) {
	i, err := word(text, "delivery mode", modeWords[:], modeLetters)
	return Mode(modeLetters[i]), err
}

func parseErrorMode(text string) (ErrorMode, error) {
	i, err := word(text, "error mode", errorWords[:], errorLetters)
	return ErrorMode(errorLetters[i]), err
}

func parseSortOrder(text string) (SortOrder, error) {
	i, err := word(text, "order of a queue run", orderWords[:], orderLetters)
	return SortOrder(orderLetters[i]), err
}

func parseNoRecipient(text string) (NoRecipient, error) {
	i, err := word(text, "action", emptyWords[:], "")
	return NoRecipient(i), err
}

// parseAge reads whether the time counts that a message was tried for, or that
// since it was received.
func parseAge(text string) (ageRule, error) {
	i, err := word(text, "way to count age", ageWords[:], "")
	return i == 1, err
}

// The letters of sendmail, in the order of the words.
const (
	modeLetters  = "ibqd"
	errorLetters = "pmweq"
	orderLetters = "phtfmrn"
)

func wordOf(letter byte, letters string, words []string) string {
	if i := strings.IndexByte(letters, letter); i >= 0 {
		return words[i]
	}
	return ""
}

func (m Mode) String() string      { return wordOf(byte(m), modeLetters, modeWords[:]) }
func (m ErrorMode) String() string { return wordOf(byte(m), errorLetters, errorWords[:]) }
func (s SortOrder) String() string { return wordOf(byte(s), orderLetters, orderWords[:]) }

func (n NoRecipient) String() string { return emptyWords[min(int(n), len(emptyWords)-1)] }
