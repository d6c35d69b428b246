package checkup

import (
	"fmt"
	"runtime"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/visible"
)

// shell is text as one word of a shell command.
func shell(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// sudo is the command as root types it, and everybody else.
func (c *checker) sudo(command string) string {
	if c.UID == 0 {
		return command
	}
	return "sudo " + command
}

// sudoShell is a line of several commands for root.
func (c *checker) sudoShell(line string) string {
	if c.UID == 0 {
		return line
	}
	return "sudo sh -c " + shell(line)
}

// edit opens the configuration at a line; 0 is the first.
func (c *checker) edit(line string) string {
	if line != "" {
		line = "+" + line + " "
	}
	return "${EDITOR:-vi} " + line + shell(c.File)
}

// lineOf is the line of the file in which the account's key is set, or "".
func (c *checker) lineOf(a *config.Account, key string) string {
	for option := range config.Options() {
		if option.Key == "account.NAME."+key {
			where := c.Config.Origin(option, a.Name)
			return where[strings.LastIndexByte(where, ':')+1:]
		}
	}
	return ""
}

// set is a command that gives the account's key, which stands on a line of its own,
// another text.
func (c *checker) set(a *config.Account, key, value string) string {
	line := c.lineOf(a, key)
	if line == "" || runtime.GOOS != "linux" || strings.ContainsAny(value, `"\'|&`) {
		return c.edit(line)
	}
	return fmt.Sprintf(`sed -i '%ss|"[^"]*"|"%s"|' %s`, line, value, shell(c.File))
}

// line is text from outside as one line.
func line(text string) string { return visible.Line(strings.TrimSpace(text), 500) }

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// megabytes is a size for a person.
func megabytes(n int64) string {
	if n < 10_000_000 {
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}
