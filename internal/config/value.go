package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"mailcrane/internal/address"
)

// A value is the right side of a key, as TOML has it.
type value struct {
	kind  string // "string", "number", "boolean", "array", "table", or another word for what it is
	str   string
	items []value
}

func (v value) text() (string, error) {
	if v.kind != "string" {
		return "", fmt.Errorf("this wants a string in quotes, not %s", article(v.kind))
	}
	if strings.ContainsRune(v.str, 0) {
		return "", errors.New("this has a NUL character in it")
	}
	return v.str, nil
}

// read takes a value of the file in. home stands for a leading ~/.
func (o *Option) read(at any, v value, home string) error {
	switch at := at.(type) {
	case *bool:
		if v.kind != "boolean" {
			return fmt.Errorf("this wants true or false, not %s", article(v.kind))
		}
		*at = v.str == "true"
		return nil
	case *int, *int64:
		if v.kind != "number" {
			return fmt.Errorf("this wants a number without quotes, not %s", article(v.kind))
		}
		return o.take(at, strings.ReplaceAll(v.str, "_", ""))
	case *time.Duration, *ByTiming:
		if v.kind == "number" {
			return o.take(at, v.str)
		}
	case *Octets, *Sessions:
		if v.kind == "number" {
			return o.take(at, strings.ReplaceAll(v.str, "_", ""))
		}
	case *Condition:
		var so bool
		err := o.read(&so, v, home)
		*at = conditionOf(so)
		return err
	case *ListFailure:
		if v.kind == "boolean" {
			*at = ListFailure{Refuses: v.str == "true"}
			return nil
		}
	case *[]string, *Hours, *Directories, *PrivacyFlags, *Blame:
		if done, err := o.readWords(at, v, home); done {
			return err
		}
	}
	text, err := v.text()
	if err != nil {
		return err
	}
	if o.path {
		text = expandHome(text, home)
	}
	err = o.take(at, text)
	if secret, ok := at.(*Secret); ok && secret.Kind == "file" {
		secret.Value = expandHome(secret.Value, home)
	}
	return err
}

// readWords takes in what a file has as a list of words. It is not done where the
// value is a text that is as good.
func (o *Option) readWords(at any, v value, home string) (done bool, err error) {
	var words []string
	switch at := at.(type) {
	case *[]string:
		err = o.readList(at, v)
	case *Hours:
		err = o.readHours(at, v)
	case *Directories:
		err = o.readDirectories(at, v, home)
	case *PrivacyFlags:
		err = o.readList(&words, v)
		*at = privacyFlags(strings.Join(words, ","))
	case *Blame:
		if v.kind != "array" {
			return false, nil
		}
		if err = o.readList(&words, v); err == nil {
			err = o.take(at, strings.Join(words, ","))
		}
	}
	return true, err
}

func (o *Option) readList(to *[]string, v value) error {
	if v.kind != "array" {
		return fmt.Errorf("this wants a list in square brackets, not %s", article(v.kind))
	}
	*to = nil
	for _, item := range v.items {
		text, err := item.text()
		if err == nil && o.check != nil {
			text, err = o.check(text)
		}
		if err != nil {
			return err
		}
		*to = append(*to, text)
	}
	return nil
}

func (o *Option) readHours(to *Hours, v value) error {
	var words []string
	err := o.readList(&words, v)
	*to = nil
	for _, text := range words {
		span, wrong := ParseSpan(text)
		if wrong != nil {
			return wrong
		}
		*to = append(*to, span)
	}
	return err
}

func article(noun string) string {
	if strings.ContainsAny(noun[:1], "aeiou") {
		return "an " + noun
	}
	return "a " + noun
}

// take parses text for the place where it goes.
func (o *Option) take(at any, text string) (err error) {
	switch at := at.(type) {
	case *string:
		return o.takeText(at, text)
	case *Directories:
		*at = Directories{text}
	case *time.Duration:
		return o.takeTime(text, at)
	case *ByTiming:
		return o.takeTime(text, &at.Normal, &at.Urgent, &at.NonUrgent, &at.DSN)
	case *int64:
		return o.takeNumber(at, text)
	case *int:
		var n int64
		err = o.takeNumber(&n, text)
		*at = int(n)
	case *cacheSize:
		var n int64
		err = o.takeNumber(&n, text)
		at.MTA.Exchange.CacheSize, at.Queue.SeparateSessions = int(n), n == 0
	case *ServerAuth:
		*at, err = parseServerAuth(text)
	case *ListenTLS:
		*at, err = parseListenTLS(text)
	case *Smarthost:
		if text == "" && o.words == "smarthost" {
			*at = Smarthost{} // by default, and so it is shown
			return nil
		}
		*at, err = ParseSmarthost(text)
	case *Secret:
		if text == "" && o.words == "none" {
			*at = Secret{} // by default, and so it is shown
			return nil
		}
		*at, err = parseSecret(text)
	default:
		err = takeWord(at, text)
	}
	return err
}

// takeWord is for what has words of its own, or a size.
func takeWord(at any, text string) (err error) {
	switch at := at.(type) {
	case *Mode:
		*at, err = taken(*at, text, ParseMode)
	case *SortOrder:
		*at, err = taken(*at, text, parseSortOrder)
	case *ErrorMode:
		*at, err = taken(*at, text, parseErrorMode)
	case *NoRecipient:
		*at, err = taken(*at, text, parseNoRecipient)
	case *ageRule:
		*at, err = taken(*at, text, parseAge)
	case *Octets:
		*at, err = taken(*at, text, parseOctets)
	case *Blame:
		*at, err = taken(*at, text, ParseBlame)
	case *Sessions:
		*at, err = taken(*at, text, parseSessions)
	case *Metering:
		*at, err = taken(*at, text, parseMetering)
	case *Notice:
		*at, err = taken(*at, text, parseNotice)
	case *Deed:
		*at, err = taken(*at, text, parseDeed)
	case *ListFailure:
		*at, err = taken(*at, text, parseListFailure)
	case *DelayChecks:
		*at, err = taken(*at, text, parseDelayChecks)
	case *MailFrom:
		*at, err = taken(*at, text, parseMailFrom)
	}
	return err
}

func (o *Option) takeText(to *string, text string) (err error) {
	if o.check != nil {
		if text, err = o.check(text); err != nil {
			return err
		}
	}
	*to = text
	return nil
}

// takeTime takes in a time for each of to.
func (o *Option) takeTime(text string, to ...*time.Duration) error {
	least := time.Duration(o.Least)
	d, err := ParseTime(text, o.Unit)
	// sendmail takes a time below nothing as now.
	if least == Now && (strings.EqualFold(text, "now") || strings.HasPrefix(text, "-") && negative(text, o.Unit)) {
		d, err = Now, nil
	}
	switch {
	case err != nil:
		return err
	case d < least:
		return fmt.Errorf("%s is too short: the least is %s", address.Shown(text), TimeText(least))
	}
	for _, t := range to {
		*t = d
	}
	return nil
}

func negative(text string, unit time.Duration) bool {
	_, err := ParseTime(text[1:], unit)
	return err == nil
}

func (o *Option) takeNumber(to *int64, text string) error {
	n, err := strconv.ParseUint(text, 10, 31)
	switch {
	case err != nil:
		return fmt.Errorf("%s is no whole number from %d to %d", address.Shown(text), o.Least, 1<<31-1)
	case int64(n) < o.Least:
		return fmt.Errorf("%d is too small: the least is %d", n, o.Least)
	}
	*to = int64(n)
	return nil
}

// taken keeps what was there where text is no good.
func taken[T any](before T, text string, parse func(string) (T, error)) (T, error) {
	t, err := parse(text)
	if err != nil {
		return before, err
	}
	return t, nil
}
