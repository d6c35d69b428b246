package auth

import (
	"fmt"
	"slices"
	"strings"
)

// With is a file of users in which name has that password, and no other; who
// stands in it already stays where it is.
func With(text, name, password string) (string, error) {
	hashes, err := Hashes(name, password)
	if err != nil {
		return "", err
	}
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if !isOf(line, name) {
			lines = append(lines, line)
			continue
		}
		lines, hashes = append(lines, hashes...), nil
	}
	return strings.Join(append(lines, hashes...), "\n") + "\n", nil
}

// Without is a file of users without name; found says that it was there.
func Without(text, name string) (rest string, found bool) {
	var lines strings.Builder
	for line := range strings.Lines(text) {
		if isOf(line, name) {
			found = true
			continue
		}
		lines.WriteString(line)
	}
	return lines.String(), found
}

func isOf(line, name string) bool { return strings.HasPrefix(line, name+":") }

// A Listed is a user of a file, and what can be logged in with.
type Listed struct {
	Name string
	Ways []string
}

// List is the users of a file, in its order. An error names the line, after
// path.
func List(path, text string) ([]Listed, error) {
	u, err := parseUsers(path, strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	var list []Listed
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(line, ":")
		a := u.byName[name]
		if a == nil || slices.ContainsFunc(list, func(l Listed) bool { return l.Name == name }) {
			continue
		}
		list = append(list, Listed{Name: name, Ways: a.ways()})
	}
	return list, nil
}

func (a *account) ways() (ways []string) {
	if a.hash != nil {
		kind := strings.SplitN(a.hash.hash.Encode(), "$", 3)[1] //nolint:mnd // "", kind, rest
		ways = append(ways, fmt.Sprintf("password (%s)", kindName(kind)))
	}
	if a.scram != nil {
		ways = append(ways, scramName)
	}
	if len(ways) == 0 {
		ways = append(ways, "certificate only")
	}
	return ways
}

func kindName(kind string) string {
	switch kind {
	case "5":
		return "sha256-crypt"
	case "6":
		return "sha512-crypt"
	case "y":
		return "yescrypt"
	case "2a", "2b", "2y":
		return "bcrypt"
	}
	return kind
}
