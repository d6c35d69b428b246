package auth

import (
	"bytes"
	"fmt"

	"github.com/emersion/go-sasl"
)

// mostPassword bounds a password, in octets, before anything is done with it.
const mostPassword = 1024

// asked is a mechanism that ends in a user and a password, PLAIN or LOGIN.
type asked struct {
	sasl.Server
	user string
}

func (a *asked) claimed() string { return a.user }

// Next calls wrong what go-sasl has no word for.
func (a *asked) Next(response []byte) ([]byte, bool, error) {
	challenge, done, err := a.Server.Next(response)
	if err != nil && a.user == "" {
		err = fmt.Errorf("%w: %w", errMalformed, err)
	}
	return challenge, done, err
}

// check is asked by PLAIN and LOGIN; identity is whom the user wants to act
// for, which is nobody else (RFC 4616 section 2).
type check func(identity, user, password string) error

func newPlain(ask check) sasl.Server {
	a := &asked{}
	a.Server = sasl.NewPlainServer(func(identity, user, password string) error {
		a.user = user
		return ask(identity, user, password)
	})
	return a
}

// loginServer is LOGIN, which was never standardised: two prompts, the first
// of which the client may have answered already.
type loginServer struct {
	user  []byte
	ready func(user, password string) error
	step  int
}

func newLogin(ask check) sasl.Server {
	a := &asked{}
	a.Server = &loginServer{ready: func(user, password string) error {
		a.user = user
		return ask("", user, password)
	}}
	return a
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if l.step == 0 && response == nil {
		l.step = 1
		return []byte("Username:"), false, nil
	}
	l.step = max(l.step, 1) + 1
	const afterUser, afterPassword = 2, 3
	switch l.step {
	case afterUser:
		l.user = bytes.Clone(response)
		return []byte("Password:"), false, nil
	case afterPassword:
		if len(l.user) == 0 || bytes.IndexByte(l.user, 0) >= 0 || bytes.IndexByte(response, 0) >= 0 {
			return nil, false, errMalformed
		}
		return nil, true, l.ready(string(l.user), string(response))
	}
	return nil, false, sasl.ErrUnexpectedClientResponse
}
