package smtpd

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// errCancelled is a client that has answered a challenge with "*".
var errCancelled = errors.New("the client cancelled")

// auth answers AUTH (RFC 4954).
func (d *dialogue) auth(rest string) {
	f := d.session.Features()
	mechanism, initial, hasInitial := strings.Cut(rest, " ")
	mechanism = strings.ToUpper(mechanism)
	switch {
	case d.authed:
		d.say(503, "5.5.0", "Already Authenticated")
		return
	case !f.Auth:
		d.say(503, "5.3.3", "AUTH not available")
		return
	case d.tx.begun:
		d.say(503, "5.5.0", "AUTH not permitted during a mail transaction")
		return
	case !d.esmtp:
		d.say(503, "5.5.1", "AUTH needs EHLO first")
		return
	case mechanism == "":
		d.say(501, "5.5.2", "AUTH mechanism must be specified")
		return
	}
	server, err := d.session.Auth(mechanism)
	if err == nil {
		err = d.converse(server, strings.Trim(initial, " "), hasInitial)
	}
	if d.over {
		return
	}
	if errors.Is(err, errCancelled) {
		d.say(501, "5.7.0", "AUTH aborted")
		return
	}
	if err != nil {
		if _, ok := errors.AsType[*smtp.SMTPError](err); !ok {
			err = refusal(535, 5, 7, 8, "Authentication failed")
		}
		d.answer(err, 0, "", "")
		return
	}
	d.authed = true
	d.say(235, "2.0.0", "OK Authenticated")
}

// converse is the dialogue of a mechanism. Its error is a refusal, errCancelled,
// or what the mechanism says.
func (d *dialogue) converse(server sasl.Server, initial string, hasInitial bool) error {
	var response []byte
	if hasInitial {
		var err error
		if response, err = decoded(initial); err != nil {
			return err
		}
	}
	for {
		challenge, done, err := server.Next(response)
		if err != nil {
			return err
		}
		if done && len(challenge) == 0 {
			return nil
		}
		response, err = d.challenge(challenge)
		switch {
		case err != nil:
			return err
		case done && len(response) > 0:
			return refusal(501, 5, 5, 2, "Nothing is left to be answered")
		case done:
			return nil
		}
	}
}

// challenge sends one and reads the answer to it, which is not nil.
func (d *dialogue) challenge(challenge []byte) ([]byte, error) {
	from := len(d.out)
	d.out = append(d.out, "334 "...)
	d.out = base64.StdEncoding.AppendEncode(d.out, challenge)
	d.out = append(d.out, '\r', '\n')
	d.tellReply(from)
	d.deadline = time.Now().Add(d.limits.Auth)
	line, err := d.in.line(d, func([]byte) int { return mostAuth })
	if err != nil {
		d.lost(err)
		return nil, errOver
	}
	d.heard("", secret)
	text, whole := strings.CutSuffix(string(line), "\r\n")
	switch {
	case !whole:
		d.cut(500, "5.5.2", "A line ended in a bare LF, not in CR LF; closing the connection")
		return nil, errOver
	case text == "*":
		return nil, errCancelled
	case text == "":
		return []byte{}, nil
	}
	return decoded(text)
}

// decoded is an answer; "=" is an empty one (RFC 4954 section 4).
func decoded(text string) ([]byte, error) {
	if text == "=" {
		return []byte{}, nil
	}
	answer, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, refusal(501, 5, 5, 2, "cannot BASE64 decode the answer")
	}
	return answer, nil
}
