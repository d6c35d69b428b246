package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// TimeText is a time as ParseTime reads it: 5d, 2h30m, 0s, now.
func TimeText(d time.Duration) string {
	switch {
	case d < 0:
		return "now"
	case d < time.Second:
		return "0s"
	}
	var text strings.Builder
	for _, u := range [...]struct {
		letter byte
		length time.Duration
	}{{'d', 24 * time.Hour}, {'h', time.Hour}, {'m', time.Minute}, {'s', time.Second}} {
		if n := d / u.length; n > 0 {
			text.WriteString(strconv.FormatInt(int64(n), 10))
			text.WriteByte(u.letter)
			d -= n * u.length
		}
	}
	return text.String()
}

// Shown is the value in c as a file writes it; name is that of an account, a
// rule or a queue where the key has one.
func (o *Option) Shown(c *Config, name string) string {
	return shown(o.find(c, name))
}

func shown(at any) string {
	switch at := at.(type) {
	case *bool:
		return strconv.FormatBool(*at)
	case *int:
		return strconv.Itoa(*at)
	case *int64:
		return strconv.FormatInt(*at, 10)
	case *[]string:
		return quotedList(*at)
	case *Directories:
		if len(*at) > 1 {
			return quotedList(*at)
		}
	case *PrivacyFlags:
		return quotedList(at.words())
	case *Blame:
		return quotedList(at.Words())
	case *Hours:
		return quotedList(at.words())
	case *Condition:
		return at.String()
	case *ListFailure:
		if at.Message == "" {
			return at.String()
		}
	}
	if text := plainText(at); at != nil {
		return fmt.Sprintf("%q", text)
	}
	return ""
}

// plainText is a value that a file has in quotes, without them.
func plainText(at any) string {
	switch at := at.(type) {
	case *string:
		return *at
	case *time.Duration:
		return TimeText(*at)
	case *ByTiming:
		return TimeText(at.Normal)
	case *ageRule:
		if *at {
			return ageWords[1]
		}
		return ageWords[0]
	case fmt.Stringer:
		return at.String()
	}
	return ""
}

// String does not show a command: a person may have written a password into it.
func (s Secret) String() string {
	switch {
	case s.Value == "":
		return s.Kind
	case s.Kind == "command":
		return "command:(not shown)"
	}
	return s.Kind + ":" + s.Value
}

func quotedList(words []string) string {
	var text strings.Builder
	for i, w := range words {
		if i > 0 {
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "%q", w)
	}
	return "[" + text.String() + "]"
}

// Kind is what sort of value the option takes, in words.
func (o *Option) Kind() string {
	var at any
	switch {
	case o.config != nil:
		at = o.config(new(Config))
	case o.account != nil:
		at = o.account(new(Account))
	case o.rule != nil:
		at = o.rule(new(Rule))
	case o.slow != nil:
		at = o.slow(new(SlowQueue))
	case o.listener != nil:
		at = o.listener(new(Listener))
	case o.dnsbl != nil:
		at = o.dnsbl(new(DNSBL))
	}
	switch at.(type) {
	case nil:
		return ""
	case *bool, *Condition:
		return "true or false"
	case *int, *int64, *cacheSize:
		return "number"
	case *[]string, *PrivacyFlags, *Blame, *Hours:
		return "list"
	case *time.Duration, *ByTiming:
		return "time"
	case *oldTimeouts, *oldQueueTimeout:
		return "times"
	case *Directories:
		return "directory, or list"
	case *Octets:
		return "size, as 200k or 2M"
	case *Sessions:
		return "auto, or a number"
	case *ListFailure:
		return "true or false, or text"
	}
	if words := choice(at); words != nil {
		return strings.Join(words, ", ")
	}
	return "text"
}

// choice is the words of an option that has some.
func choice(at any) []string {
	switch at.(type) {
	case *Mode:
		return modeWords[:]
	case *SortOrder:
		return orderWords[:]
	case *ErrorMode:
		return errorWords[:]
	case *NoRecipient:
		return emptyWords[:]
	case *ageRule:
		return ageWords[:]
	case *Notice:
		return noticeWords[:]
	case *Metering:
		return meteringWords[:]
	case *Deed:
		return deedWords[:]
	case *ServerAuth:
		return serverAuthWords[:]
	case *ListenTLS:
		return listenTLSWords[:]
	case *DelayChecks:
		return delayChecksWords[:]
	case *MailFrom:
		return mailFromWords[:]
	}
	return nil
}

// Default is the value where nothing is set, as a file writes it, or in words
// where it depends on the machine or on other options.
func (o *Option) Default() string {
	if o.words != "" || o.config == nil {
		return o.words
	}
	return shown(o.config(defaults()))
}

// LeastText is the least value, "" where there is none of interest.
func (o *Option) LeastText() string {
	switch {
	case o.Unit == 0 && o.Least == 0:
		return ""
	case o.Unit == 0:
		return strconv.FormatInt(o.Least, 10)
	}
	return TimeText(time.Duration(o.Least))
}

// UnitName is what a number without a unit counts, in words.
func UnitName(unit time.Duration) string {
	switch unit {
	case time.Second:
		return "seconds"
	case time.Hour:
		return "hours"
	case 24 * time.Hour:
		return "days"
	}
	return "minutes"
}
