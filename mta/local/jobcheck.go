package local

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"mailcrane/internal/visible"
	"mailcrane/queue"
)

// The bounds of a job's words: an address has 254 octets (RFC 5321 section
// 4.5.3.1.3), a path 4096.
const (
	maxAddress = 1024
	maxTarget  = 4096
)

// check refuses a job that could mean another path or another field than it says.
func (j Job) check() error {
	for _, text := range [...]string{j.User, j.Detail, j.Sender, j.Recipient, j.Original} {
		if len(text) > maxAddress || strings.ContainsFunc(text, unicode.IsControl) {
			return errors.New("an address is too long or has a control character in it")
		}
	}
	if len(j.Target) > maxTarget || len(j.Rules) > maxTarget || strings.ContainsAny(j.Target+j.Rules, "\x00\r\n") {
		return errors.New("the file or the program is too long or has a line end in it")
	}
	if strings.ContainsAny(j.User, "/:") || strings.HasPrefix(j.User, "-") || strings.HasPrefix(j.User, ".") {
		return fmt.Errorf("%s is no name of a user", shown(j.User))
	}
	if j.User == "" && j.Target == "" && j.Rules == "" {
		return errors.New("neither a user nor a file nor a program is named")
	}
	return nil
}

// folder is the +detail where it can be a part of a path, else "".
func (j Job) folder() string {
	if strings.ContainsAny(j.Detail, "/\\") || strings.HasPrefix(j.Detail, ".") || strings.Contains(j.Detail, "..") {
		return ""
	}
	return j.Detail
}

// macro replaces sendmail's macros in a path or an argument: $u, $h (+detail
// without its plus), $z, $f, and ~ at the beginning.
func (d *Deliverer) macro(text string, j Job, a Account, detail string) string {
	if text == "~" || strings.HasPrefix(text, "~/") {
		text = "$z" + text[1:]
	}
	return strings.NewReplacer("$u", a.Name, "$h", detail, "$z", a.Home, "$f", j.Sender, "$$", "$").Replace(text)
}

// argument is a word of a mailer's arguments, with its macros. What stands for the
// sender of a bounce is sendmail's name for it.
func (d *Deliverer) argument(word string, j Job, a Account) string {
	if j.Sender == "" {
		j.Sender = "MAILER-DAEMON"
	}
	return d.macro(word, j, a, j.Detail)
}

const maxText = 400 // of a reply, of what comes from outside

func shown(text string) string { return visible.Line(strings.TrimSpace(text), maxText) }

func reply(code int, enhanced, text string) queue.Reply {
	return queue.Reply{Code: code, Enhanced: enhanced, Text: visible.Line(text, 3*maxText)}
}

func delivered(text string) queue.Reply { return reply(250, "2.0.0", text) }
