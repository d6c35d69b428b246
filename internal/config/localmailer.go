package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// LocalMailer takes Deliver.Mailer apart: its form, in lower case, and what stands
// behind the colon. It says what is wrong with one that nothing can be delivered by.
func LocalMailer(text string) (form, rest string, err error) {
	form, rest, colon := strings.Cut(strings.TrimSpace(text), ":")
	form, rest = strings.ToLower(form), strings.TrimSpace(rest)
	rooted := strings.HasPrefix(rest, "/") || rest == "~" || strings.HasPrefix(rest, "~/") || strings.HasPrefix(rest, "$z")
	switch {
	case strings.ContainsFunc(rest, unicode.IsControl):
		err = fmt.Errorf("%s has a control character in it", quotedText(text))
	case form == "maildir" || form == "mbox":
		if !rooted {
			err = fmt.Errorf("%s names no path from the root or from a home: write %s:~/%s or %s:/var/mail/$u", quotedText(text), form,
				map[string]string{"maildir": "Maildir", "mbox": "mbox"}[form], form)
		}
	case form == "procmail":
		if colon && !strings.HasPrefix(rest, "/") {
			err = fmt.Errorf("%s names no path of procmail: write procmail or procmail:/usr/bin/procmail", quotedText(text))
		}
	case form == "lmtp":
		if !localAddress(rest) {
			err = fmt.Errorf("%s names no address: write lmtp:/run/dovecot/lmtp or lmtp:127.0.0.1:24", quotedText(text))
		}
	case form == "program":
		if !strings.HasPrefix(rest, "/") {
			err = fmt.Errorf("%s names no program from the root: write program:/usr/bin/maildrop -d $u", quotedText(text))
		}
	default:
		err = fmt.Errorf("%s is no way to deliver: write maildir:PATH, mbox:PATH, procmail, lmtp:ADDRESS or program:ARGV", quotedText(text))
	}
	return form, rest, err
}

// localAddress says that text is the path of a socket, with or without unix:, or
// HOST:PORT.
func localAddress(text string) bool {
	if strings.HasPrefix(strings.TrimPrefix(text, "unix:"), "/") {
		return true
	}
	colon := strings.LastIndexByte(text, ':') // without package net, which the shim does not link
	n, err := strconv.ParseUint(text[colon+1:], 10, 16)
	return colon > 0 && err == nil && n > 0 && (!strings.Contains(text[:colon], ":") || text[0] == '[' && text[colon-1] == ']')
}

func checkLocalMailer(text string) (string, error) {
	_, _, err := LocalMailer(text)
	return text, err
}

// checkDefaultUser refuses root by name and by number: what strangers send would
// run with all rights.
func checkDefaultUser(text string) (string, error) {
	name, _, _ := strings.Cut(text, ":")
	if n, err := strconv.ParseUint(name, 10, 32); name == "root" || err == nil && n == 0 {
		return "", errors.New("programs and files of aliases are never root's: name a user who owns nothing")
	}
	return text, nil
}

func checkRooted(text string) (string, error) {
	if text != "" && !strings.HasPrefix(text, "/") {
		return "", fmt.Errorf("%s is no path from the root", quotedText(text))
	}
	return text, nil
}
