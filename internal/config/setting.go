package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"mailcrane/internal/address"
	"mailcrane/internal/sysexits"
)

// A Setting is an option as given by -O or -o, by its long name.
type Setting struct{ Name, Value string }

// Apply puts the settings of a command line over those of the file, in order.
// Errors are *sysexits.Error with EX_USAGE, in sendmail's words.
func (c *Config) Apply(settings []Setting) error {
	for _, s := range settings {
		o := Named(s.Name)
		if o == nil || !o.Obeyed() {
			continue
		}
		if err := o.give(c, s.Value); err != nil {
			return err
		}
		c.modeGiven = c.modeGiven || o.Name == "DeliveryMode"
	}
	return nil
}

// Flags is the command line for a process that is to run with the same
// settings. DeliveryMode is not for it: that is over once a message is queued.
func Flags(settings []Setting) []string {
	var words []string
	for _, s := range settings {
		o := Named(s.Name)
		switch {
		case o == nil || o.Name == "DeliveryMode":
		case o.Letter != 0: // -O takes white space off a value, -o does not
			words = append(words, "-o"+string(rune(o.Letter))+s.Value)
		default:
			words = append(words, "-O"+s.Name+"="+s.Value)
		}
	}
	return words
}

// give takes in a value from the command line.
func (o *Option) give(c *Config, text string) error {
	if o.config == nil {
		return nil
	}
	at := o.config(c)
	return o.refusal(o.loosely(at, text), at, text)
}

// loosely is take for the command line, where of a word the first letter
// counts, and nothing is "on" and mode i.
func (o *Option) loosely(at any, text string) error {
	switch at := at.(type) {
	case *bool:
		*at = text == "" || strings.ContainsRune("tTyY1", rune(text[0]))
		return nil
	case *PrivacyFlags:
		*at |= privacyFlags(text)
		return nil
	case *Blame:
		with, err := at.with(text)
		if err == nil {
			*at = with
		}
		return err
	case *oldTimeouts:
		return setTimeouts((*Config)(at), text)
	case *oldQueueTimeout:
		return setQueueTimeout((*Config)(at), text)
	case *Mode:
		// LSB's f is the foreground.
		if text == "" || text[0]|0x20 == 'f' {
			text = "i"
		}
		return o.take(at, text[:1])
	case *ErrorMode, *SortOrder:
		return o.take(at, text[:min(1, len(text))])
	}
	return o.take(at, text)
}

// refusal puts what is wrong with a value into sendmail's words.
func (o *Option) refusal(err error, at any, text string) error {
	if _, said := errors.AsType[*sysexits.Error](err); err == nil || said {
		return err
	}
	shown := address.Shown(text)
	switch at.(type) {
	case *Mode:
		return usage("Unknown delivery mode %s: use i, b, q or d", shown)
	case *ErrorMode:
		return usage("Unknown error mode %s: use p, m, w, e or q", shown)
	case *NoRecipient:
		return usage("Invalid NoRecipientAction: %s", shown)
	case *int, *int64:
		if _, wrong := strconv.Atoi(text); wrong != nil {
			return usage("Option %s wants a number, not %s", o.Name, shown)
		}
	}
	return usage("Option %s: %w", o.Name, err)
}

func usage(format string, args ...any) error {
	return sysexits.Errorf(sysexits.Usage, "", format, args...)
}

// These take in what has several destinations.
type (
	oldTimeouts     Config // the option r
	oldQueueTimeout Config // the option T
	cacheSize       Config // ConnectionCacheSize: that of exchangers, and Queue.SeparateSessions
	ageRule         bool   // queue.age, as Queue.PlainAge
)

// marked are the timeouts that the old form without names sets ("-or5m").
func marked(c *Config) [6]*time.Duration {
	t := &c.Timeout
	return [...]*time.Duration{&t.Mail, &t.Rcpt, &t.DataInit, &t.DataBlock, &t.DataFinal, &t.Command}
}

// setTimeouts is the old option r: one time for the marked ones, or a list of
// name=time or name:time.
func setTimeouts(c *Config, text string) error {
	if !strings.ContainsAny(text, "=:") {
		d, err := ParseTime(text, time.Minute)
		if err == nil && d < time.Second {
			err = fmt.Errorf("%s is shorter than a second", address.Shown(text))
		}
		if err != nil {
			return err
		}
		for _, to := range marked(c) {
			*to = d
		}
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		i := strings.IndexAny(part, "=:")
		if i < 0 {
			return fmt.Errorf("%s names no timeout: write name=time", address.Shown(part))
		}
		name, value := strings.TrimSpace(part[:i]), strings.TrimSpace(part[i+1:])
		o := Named("Timeout." + name)
		if o == nil {
			return fmt.Errorf("settimeout: invalid timeout %s", address.Shown(name))
		}
		if err := o.give(c, value); err != nil {
			return err
		}
	}
	return nil
}

// setQueueTimeout is the old option T: return, or return/warn, as "5d/4h".
func setQueueTimeout(c *Config, text string) error {
	giveUp, warn, both := strings.Cut(text, "/")
	if err := Named("Timeout.queuereturn").give(c, giveUp); err != nil || !both {
		return err
	}
	return Named("Timeout.queuewarn").give(c, warn)
}
