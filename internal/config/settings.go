package config

import (
	"errors"
	"fmt"
	"strings"
)

// A setting is a key of the file and how its value is taken in. NAME in a key
// stands for the name of an account.
type setting struct {
	key string
	set func(f *file, a *accountFile, v value) error
}

// settings is every key there is. No entry captures a variable, so that the
// compiler lays the table out and nothing is done for it at run time.
var settings = [...]setting{
	{"delivery_mode", func(f *file, _ *accountFile, v value) error { return parsed(v, ParseMode, &f.deliveryMode) }},
	{"privacy", func(f *file, _ *accountFile, v value) error { return v.boolean(&f.privacy) }},
	{"hostname", func(f *file, _ *accountFile, v value) error { return parsed(v, parseHostname, &f.hostname) }},
	{"default_account", func(f *file, _ *accountFile, v value) error { return v.text(&f.defaultAccount) }},
	{"queue.directory", func(f *file, _ *accountFile, v value) error { return v.text(&f.directory) }},
	{"timeout.connect", func(f *file, _ *accountFile, v value) error { return parsed(v, parseTimeout, &f.timeout.Connect) }},
	{"timeout.initial", func(f *file, _ *accountFile, v value) error { return parsed(v, parseTimeout, &f.timeout.Initial) }},
	{"timeout.helo", func(f *file, _ *accountFile, v value) error { return parsed(v, parseTimeout, &f.timeout.Helo) }},
	{"timeout.starttls", func(f *file, _ *accountFile, v value) error { return parsed(v, parseTimeout, &f.timeout.StartTLS) }},
	{"timeout.auth", func(f *file, _ *accountFile, v value) error { return parsed(v, parseTimeout, &f.timeout.Auth) }},
	{"timeout.mail", func(f *file, _ *accountFile, v value) error { return parsed(v, parseTimeout, &f.timeout.Mail) }},
	{"timeout.rcpt", func(f *file, _ *accountFile, v value) error { return parsed(v, parseTimeout, &f.timeout.Rcpt) }},
	{"timeout.datainit", func(f *file, _ *accountFile, v value) error { return parsed(v, parseTimeout, &f.timeout.DataInit) }},
	{"timeout.datablock", func(f *file, _ *accountFile, v value) error { return parsed(v, parseTimeout, &f.timeout.DataBlock) }},
	{"timeout.datafinal", func(f *file, _ *accountFile, v value) error { return parsed(v, parseTimeout, &f.timeout.DataFinal) }},
	{"timeout.rset", func(f *file, _ *accountFile, v value) error { return parsed(v, parseTimeout, &f.timeout.Rset) }},
	{"timeout.quit", func(f *file, _ *accountFile, v value) error { return parsed(v, parseTimeout, &f.timeout.Quit) }},
	{"account.NAME.from", func(_ *file, a *accountFile, v value) error { return list(v, parsePattern, &a.from) }},
	{"account.NAME.smarthost", func(_ *file, a *accountFile, v value) error { return parsed(v, ParseSmarthost, &a.smarthost) }},
	{"account.NAME.user", func(_ *file, a *accountFile, v value) error { return v.text(&a.user) }},
	{"account.NAME.auth", func(_ *file, a *accountFile, v value) error { return parsed(v, parseAuth, &a.auth) }},
	{"account.NAME.secret", func(_ *file, a *accountFile, v value) error { return parsed(v, parseSecret, &a.secret) }},
	{"account.NAME.tls.ca", func(_ *file, a *accountFile, v value) error { return v.text(&a.tls.CA) }},
	{"account.NAME.tls.pin", func(_ *file, a *accountFile, v value) error { return list(v, parsePin, &a.tls.Pin) }},
	{"account.NAME.tls.cert", func(_ *file, a *accountFile, v value) error { return v.text(&a.tls.Cert) }},
	{"account.NAME.tls.key", func(_ *file, a *accountFile, v value) error { return v.text(&a.tls.Key) }},
	{"listen.msp", func(f *file, _ *accountFile, v value) error { return list(v, parseListen, &f.listen) }},
}

// A value is the right side of a key, as TOML has it.
type value struct {
	kind  string // "string", "boolean", "array", "table", or another word for what it is
	str   string
	items []value
}

func (v value) text(to *string) error {
	if v.kind != "string" {
		return fmt.Errorf("this wants a string in quotes, not %s", article(v.kind))
	}
	if strings.ContainsRune(v.str, 0) {
		return errors.New("this has a NUL character in it")
	}
	*to = v.str
	return nil
}

func (v value) boolean(to **bool) error {
	if v.kind != "boolean" {
		return fmt.Errorf("this wants true or false, not %s", article(v.kind))
	}
	yes := v.str == "true"
	*to = &yes
	return nil
}

func parsed[T any](v value, parse func(string) (T, error), to *T) error {
	var s string
	if err := v.text(&s); err != nil {
		return err
	}
	t, err := parse(s)
	if err == nil {
		*to = t
	}
	return err
}

func list[T any](v value, parse func(string) (T, error), to *[]T) error {
	if v.kind != "array" {
		return fmt.Errorf("this wants a list in square brackets, not %s", article(v.kind))
	}
	for _, item := range v.items {
		var t T
		if err := parsed(item, parse, &t); err != nil {
			return err
		}
		*to = append(*to, t)
	}
	return nil
}

func article(noun string) string {
	if strings.ContainsAny(noun[:1], "aeiou") {
		return "an " + noun
	}
	return "a " + noun
}
