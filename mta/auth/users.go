package auth

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"mailcrane/internal/visible"
)

// Bounds of a file of users.
const (
	mostLine  = 8 << 10
	mostOctet = 64 << 20
	mostName  = 255
)

// users is a file of users, read. A user may stand in it by one hash for
// passwords and by one with SCRAM's keys.
type users struct {
	byName map[string]*account
	// model is what an unknown user's password is checked against, so that time
	// does not tell who is known; modelKeys are those of SCRAM.
	model     secret
	modelKeys *scramKeys
}

type account struct {
	hash  *secret
	scram *scramKeys
	// certificate: the line has no password, and lets in who shows one.
	certificate bool
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("there is no name")
	case len(name) > mostName:
		return fmt.Errorf("a name has at most %d octets", mostName)
	case name != visible.Line(name, 0) || strings.ContainsAny(name, ": \t") || strings.HasPrefix(name, "#"):
		return errors.New("a name has no blanks, colons and control characters, and does not begin with #")
	}
	return nil
}

// parseUsers reads lines of name:hash, as Dovecot's passwd-file has them; what
// stands behind a further colon is not looked at. An error names the line, and
// shows nothing of a hash.
func parseUsers(path string, in io.Reader) (*users, error) {
	u := &users{byName: map[string]*account{}}
	lines := bufio.NewScanner(io.LimitReader(in, mostOctet))
	lines.Buffer(nil, mostLine)
	number := 0
	for lines.Scan() {
		number++
		text := strings.TrimRight(lines.Text(), " \t\r")
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if err := u.take(text); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", path, number+1, err)
	}
	return u, nil
}

func (u *users) take(text string) error {
	name, field, ok := strings.Cut(text, ":")
	if !ok {
		return errors.New("this is not name:hash")
	}
	if err := checkName(name); err != nil {
		return err
	}
	if !strings.HasPrefix(field, scramPrefix) && !strings.HasPrefix(field, "{SCRAM-SHA-256}"+scramPrefix) {
		field, _, _ = strings.Cut(field, ":")
	}
	a := u.byName[name]
	if a == nil {
		a = &account{}
		u.byName[name] = a
	}
	// As shadow(5) has it: nobody's password.
	if field == "*" || strings.HasPrefix(field, "!") {
		a.certificate = true
		return nil
	}
	s, err := parseSecret(field)
	if err != nil {
		return fmt.Errorf("user %s: %w", visible.Line(name, mostUser), err)
	}
	return u.add(a, s)
}

var errTwice = errors.New("this user has a hash of that kind further up already")

func (u *users) add(a *account, s secret) error {
	if s.scram != nil {
		if a.scram != nil {
			return errTwice
		}
		if a.scram = s.scram; u.modelKeys == nil {
			u.modelKeys = s.scram
		}
		return nil
	}
	if a.hash != nil {
		return errTwice
	}
	if a.hash = &s; u.model.hash == nil {
		u.model = s
	}
	return nil
}

// matches checks a password, and takes as long where there is no such user.
func (u *users) matches(name, password string) bool {
	a := u.byName[name]
	switch {
	case a != nil && a.hash != nil:
		return a.hash.matches(password)
	case a != nil && a.scram != nil:
		return a.scram.matches(password)
	case u.model.hash != nil:
		u.model.matches(password)
	case u.modelKeys != nil:
		u.modelKeys.matches(password)
	}
	return false
}
