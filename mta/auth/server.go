package auth

import (
	"context"
	"errors"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"mailcrane/internal/visible"
)

// mostUser bounds a user's name in a log, in octets.
const mostUser = 100

// What a store can say of a log-in; any other error of it is temporary.
var (
	errWrong     = errors.New("wrong user or password")
	errMalformed = errors.New("the client's answer is not what the mechanism has")
	errUnseen    = errors.New("refused unseen, after too many wrong ones from there")
)

func temporary() error {
	return &smtp.SMTPError{Code: 454, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "Temporary authentication failure"}
}

// tooMany ends the connection, so that who goes on all the same is counted as a
// client once more.
func tooMany() error {
	return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "Too many wrong log-ins from your address; try again in some minutes"}
}

func refused() error {
	return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Authentication credentials invalid"}
}

// A claimant knows whom the client claims to be, before that is known to be so.
type claimant interface{ claimed() string }

// server is one log-in, of whatever store, with what holds for all: guessing
// is slow, and the log hears of it.
type server struct {
	ctx       context.Context //nolint:containedctx // go-sasl's Next has none
	auth      *Auth
	facts     *Facts
	mechanism string
	inner     sasl.Server
	user      string
	done      func(user string, err error)
}

// Next is sasl.Server's.
func (s *server) Next(response []byte) (challenge []byte, done bool, err error) {
	end, ok := s.auth.guesses.begin(s.facts.Remote.Addr())
	if !ok {
		s.done("", errUnseen)
		return nil, false, tooMany()
	}
	challenge, done, err = s.inner.Next(response)
	if err != nil {
		return nil, false, s.refuse(err, end)
	}
	end(fine)
	if done {
		s.done(s.user, nil)
	}
	return challenge, done, nil
}

// refuse is the reply to a log-in that has failed, after the pause that one
// has earned by guessing.
func (s *server) refuse(err error, end func(outcome) (wait func(context.Context) error)) error {
	name := ""
	if c, ok := s.inner.(claimant); ok {
		name = visible.Line(c.claimed(), mostUser)
	}
	switch {
	case s.ctx.Err() != nil:
		end(fine)
		return temporary()
	case errors.Is(err, errMalformed), errors.Is(err, sasl.ErrUnexpectedClientResponse):
		end(fine)
		s.done(name, errMalformed)
		return &smtp.SMTPError{Code: 501, EnhancedCode: smtp.EnhancedCode{5, 5, 2}, Message: "Authentication response not understood"}
	case !errors.Is(err, errWrong):
		end(fine)
		s.done(name, errors.New("it could not be checked"))
		s.auth.log.Error("log-in could not be checked", "user", name, "mechanism", s.mechanism, "relay", s.facts.relay(), "reason", err)
		return temporary()
	}
	wait := end(wrong)
	s.done(name, err)
	if wait(s.ctx) != nil {
		return temporary()
	}
	return refused()
}
