package msp

import (
	"path/filepath"
	"strings"

	"mailcrane/internal/sysexits"
)

// usage is an error in the flags: exit 64 before standard input is read.
func usage(format string, args ...any) error {
	return sysexits.Errorf(sysexits.Usage, "", format, args...)
}

// ParseArgs reads a command line as sendmail does: single letters, bundled or
// not, values attached or separate, and everything after the first word that
// is no flag is an operand. Errors are *sysexits.Error with EX_USAGE.
func ParseArgs(args []string) (*Invocation, error) {
	inv := &Invocation{Program: "sendmail", Mode: Submit, Hops: -1}
	if len(args) > 0 {
		inv.Program = filepath.Base(args[0])
		args = args[1:]
	}
	inv.personality()
	for len(args) > 0 {
		word := args[0]
		if len(word) < 2 || word[0] != '-' {
			break
		}
		args = args[1:]
		if word == "--" {
			break
		}
		used, err := inv.bundle(word[1:], args)
		if err != nil {
			return nil, err
		}
		args = args[used:]
	}
	inv.Operands = args
	inv.settle()
	return inv, inv.check()
}

// personality sets the mode that argv[0] asks for.
func (inv *Invocation) personality() {
	switch strings.TrimSuffix(inv.Program, ".exe") {
	case "mailq":
		inv.Mode = ListQueue
	case "newaliases":
		inv.Mode = Rebuild
	case "hoststat":
		inv.Mode = HostStatus
	case "purgestat":
		inv.Mode = PurgeStatus
	case "smtpd":
		inv.Mode = Daemon
	case "runq":
		inv.Queue.Given = true
	}
}

// longHint is for who writes a word with two dashes, of which sendmail has
// none: --at is ours, and no part of sendmail's own line.
func longHint(letter byte, rest string) string {
	switch {
	case letter != '-':
		return ""
	case rest == "at" || strings.HasPrefix(rest, "at="):
		return `put it first: mailcrane sendmail --at "tomorrow 8:00" -t`
	}
	return "see the flags with: mailcrane sendmail --help"
}

// bundle reads the letters of one word; rest is what follows it. It returns
// how many words of rest were values.
func (inv *Invocation) bundle(letters string, rest []string) (int, error) {
	for letters != "" {
		letter := letters[0]
		letters = letters[1:]
		f := findFlag(letter)
		if f == nil {
			return 0, sysexits.Errorf(sysexits.Usage, longHint(letter, letters), "sendmail: illegal option -- %s", printable(letter))
		}
		if f.submission {
			inv.submission = append(inv.submission, letter)
		}
		switch {
		case f.value == none:
			if err := f.set(inv, ""); err != nil {
				return 0, err
			}
		case letters != "" || f.value == attached:
			return 0, f.set(inv, letters)
		case len(rest) == 0:
			return 0, usage("sendmail: option requires an argument -- %c", letter)
		default:
			return 1, f.set(inv, rest[0])
		}
	}
	return 0, nil
}

// check looks at what goes together.
func (inv *Invocation) check() error {
	if inv.Queue.Given && !strings.Contains(queueModes, string(rune(inv.Mode))) {
		return usage("Can not use -q with -b%c", inv.Mode)
	}
	why := "(not in submission mode)"
	if strings.Contains(submitModes, string(rune(inv.Mode))) {
		if !inv.Queue.Given {
			return nil
		}
		why = "with -q"
	}
	for _, letter := range inv.submission {
		inv.warn("WARNING: Ignoring submission mode -" + string(rune(letter)) + " option " + why)
	}
	return nil
}

func (inv *Invocation) warn(line string) { inv.Warnings = append(inv.Warnings, line) }

// printable is a letter fit for a message.
func printable(c byte) string {
	if c <= ' ' || c >= 0x7f {
		return "?"
	}
	return string(rune(c))
}
