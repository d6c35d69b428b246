package relay

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	gosasl "github.com/emersion/go-sasl"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/smarthost/relay/sasl"
)

const (
	// maxAuthLine is the length of a command line, to which AUTH with an
	// initial response is held (RFC 4954 section 4).
	maxAuthLine = 510
	// maxChallenges bounds a server that never comes to an end.
	maxChallenges = 10
	// mostCommandCode is the last of the codes that are about the command, and not
	// about who logs in (RFC 5321 section 4.2.1: 500 to 504).
	mostCommandCode = 504
)

// A Refused is in the Err of a RouteFault when the server has said for good
// that it does not take this user with this secret (or client certificate).
type Refused struct {
	Code      int    // the reply's, 5yz
	Mechanism string // "PLAIN"
	said      string
}

func (e *Refused) Error() string {
	what := "password"
	if e.Mechanism == gosasl.OAuthBearer || e.Mechanism == "XOAUTH2" {
		what = "token"
	}
	return fmt.Sprintf("the server refuses user name or %s (%s): %s", what, e.Mechanism, e.said)
}

// What a mechanism may know besides the go-sasl interface.
type (
	// explainer knows why the server refused: OAuth servers say so in a
	// challenge.
	explainer interface{ Explain() string }
	// verifier knows whether the server has proved itself too.
	verifier interface{ Verified() error }
	// judge knows that the server refused the token, and not the moment: some say
	// so with 454.
	judge interface{ Invalid() bool }
)

// logIn does AUTH (RFC 4954).
func (s *Session) logIn() *queue.RouteFault {
	switch before := s.target.Memory.Recall().Capabilities.Auth; {
	case len(s.caps.Auth) > 0:
	case len(before) > 0:
		// Some servers offer none while they cannot ask who may log in.
		return s.fault(queue.StepAuth, "if this goes on, ask the provider; it offered "+strings.ToLower(strings.Join(before, ", "))+" before", "the server offers no log-in (AUTH) just now")
	default:
		return s.personFault(queue.StepAuth, `check server and port in smarthost; if it wants no log-in, set auth = "none"`, "the server offers no log-in (AUTH)")
	}
	link := sasl.Link{TLS: s.tls, Loopback: s.dialogue.wire.loopback()}
	client, name, err := s.target.Auth.Choose(slices.Clone(s.caps.Auth), link)
	if err != nil {
		return s.personFault(queue.StepAuth, sysexits.Hint(err), "%w", err)
	}
	if !link.Allows(name) {
		return s.personFault(queue.StepAuth, "write smtps:// or smtp:// in smarthost", "%s would send the password in the clear, so nothing was sent", name)
	}
	s.dialogue.hideParts = map[string]bool{}
	_, initial, err := client.Start()
	if err != nil {
		return s.authBroken(name, &mechanismError{err})
	}
	command, rest := s.firstLine(name, initial)
	if initial != nil && rest == nil && s.trusts(name) {
		return s.logInOnTheWay(client, name, command)
	}
	r, err := s.converse(client, name, command, rest)
	s.dialogue.reveal()
	if err != nil {
		return s.authBroken(name, err)
	}
	return s.authResult(client, name, r)
}

// trusts says that the log-in may share a flight with the first message: what
// completes with its initial response may be followed by other commands (RFC
// 4954 section 4), and the last log-in by that mechanism was accepted. It saves a
// round trip. A mechanism that tells the reason of a refusal in a challenge is
// none of these.
func (s *Session) trusts(name string) bool {
	how := s.manner()
	return !s.target.Asks && how.group && how.login && (name == gosasl.Plain || name == gosasl.External) && s.target.Memory.Recall().LoggedIn == name
}

// logInOnTheWay puts AUTH before the first message. What the server says of it
// is read like any other reply.
func (s *Session) logInOnTheWay(client gosasl.Client, name, command string) *queue.RouteFault {
	d := s.dialogue
	d.tell(nil, ">>> ", "AUTH "+name+" *")
	s.onWay = true
	answered := func(r reply) {
		d.reveal()
		if fault := s.authResult(client, name, r); fault != nil {
			s.refuseLogin(s.asksAlone(fault, r))
		}
	}
	err := d.send(command, expected{verb: "AUTH", limit: s.target.Timeouts.Auth, take: answered, parted: answered})
	if err != nil {
		return s.authBroken(name, err)
	}
	return nil
}

// asksAlone: a server that has not understood AUTH may not stand what came behind
// it. The next session, which is worth opening at once, asks for the log-in alone.
func (s *Session) asksAlone(fault *queue.RouteFault, r reply) *queue.RouteFault {
	if r.code >= 500 && r.code <= mostCommandCode {
		s.target.Memory.setDoubt(doubt{strikes: s.target.Memory.doubted().strikes, login: true})
		fault.NeedsPerson, fault.Lost = false, true
	}
	return fault
}

// Prove waits for the answer to a log-in that was left on the way, and says why
// it was refused.
func (s *Session) Prove(ctx context.Context) *queue.RouteFault {
	turn, fault := s.queueUp(ctx)
	if fault != nil {
		return fault
	}
	defer turn.pass()
	release := s.dialogue.wire.obey(ctx)
	defer release()
	err := turn.await(ctx)
	if err == nil {
		err = s.dialogue.drain(0)
	}
	if fault := s.loginRefused(); fault != nil {
		return fault
	}
	if err != nil {
		return s.broken(queue.StepAuth, err)
	}
	return nil
}

// refuseLogin ends the session for a log-in that was refused on the way. What
// was sent behind it is still answered: a server may take it all the same.
func (s *Session) refuseLogin(fault *queue.RouteFault) {
	if s.target.Settle != nil {
		fault = s.target.Settle(fault)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.login = fault
}

// firstLine is AUTH with the initial response, where that fits a line; else rest
// is the response to the first challenge, an empty one.
func (s *Session) firstLine(name string, initial []byte) (command string, rest []byte) {
	command = "AUTH " + name
	if initial == nil {
		return command, nil
	}
	encoded := encodeResponse(initial)
	if encoded == "" {
		encoded = "=" // an empty response is not the same as none
	}
	if len(command)+1+len(encoded) > maxAuthLine {
		return command, initial
	}
	s.hide(initial, encoded)
	return command + " " + encoded, nil
}

// converse goes through the challenges until the server says yes or no.
func (s *Session) converse(client gosasl.Client, name, command string, initial []byte) (reply, error) {
	r, err := s.authLine(command, name)
	for range maxChallenges {
		if err != nil || r.code != 334 {
			return r, err
		}
		if r, err = s.respond(client, r, &initial); err != nil {
			return r, err
		}
	}
	return reply{}, errors.New("the server asks without end")
}

// respond answers one challenge. An initial response that did not fit into
// the command is the answer to the first, empty one.
func (s *Session) respond(client gosasl.Client, r reply, initial *[]byte) (reply, error) {
	response := *initial
	*initial = nil
	if response == nil {
		challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.Join(r.lines, "")))
		if err == nil {
			response, err = client.Next(challenge)
		}
		if err != nil {
			return s.giveUp(err)
		}
	}
	encoded := encodeResponse(response)
	s.hide(response, encoded)
	return s.authLine(encoded, "")
}

// giveUp ends the exchange from our side (RFC 4954 section 4), so that the
// server's own word can still be read.
func (s *Session) giveUp(why error) (reply, error) {
	if _, err := s.authLine("*", ""); err != nil {
		return reply{}, err
	}
	return reply{}, &mechanismError{why}
}

// authLine sends a line of AUTH, of which the trace shows the mechanism only.
func (s *Session) authLine(line, name string) (reply, error) {
	d := s.dialogue
	switch {
	case line == "*" || line == "" || line == "AUTH "+name:
		d.tell(nil, ">>> ", line)
	case name != "":
		d.tell(nil, ">>> ", "AUTH "+name+" *")
	default:
		d.tell(nil, ">>> ", "*")
	}
	got, err := d.askQuietly(line, "AUTH", s.target.Timeouts.Auth)
	if err == nil && got.code/100 == 3 && got.code != 334 {
		err = &unexpected{"AUTH", got}
	}
	return got, err
}

func encodeResponse(response []byte) string { return base64.StdEncoding.EncodeToString(response) }

// hide keeps a response, and the parts of it that may be secret, out of what
// is shown of the server's replies; fragments of its encoded form too, since a
// server that repeats a line may cut it short.
func (s *Session) hide(response []byte, encoded string) {
	const least = 4 // shorter ones are no secrets and would hit by chance
	parts := strings.FieldsFunc(string(response), func(c rune) bool { return c == 0 || c == 1 })
	for _, part := range append(parts, encoded, string(response)) {
		if part = strings.TrimPrefix(part, "auth=Bearer "); len(part) >= least {
			s.dialogue.hide = append(s.dialogue.hide, part)
		}
	}
	for i := 0; i+fragment <= len(encoded); i++ {
		s.dialogue.hideParts[encoded[i:i+fragment]] = true
	}
}

// mechanismError: our side of the mechanism could not go on.
type mechanismError struct{ err error }

// Error is cleaned: a mechanism may quote what the server has sent.
func (e *mechanismError) Error() string { return clean(e.err.Error()) }
func (e *mechanismError) Unwrap() error { return e.err }

func (s *Session) authBroken(name string, err error) *queue.RouteFault {
	if _, ok := errors.AsType[*mechanismError](err); ok {
		return s.personFault(queue.StepAuth, "set auth to another mechanism of the server's: "+strings.ToLower(strings.Join(s.caps.Auth, ", ")),
			"%s does not work with this server: %w", name, err)
	}
	return s.broken(queue.StepAuth, err)
}

// authResult reads the server's last word (RFC 4954 section 6).
func (s *Session) authResult(client gosasl.Client, name string, r reply) *queue.RouteFault {
	said := r.String()
	if !r.ok() {
		// The next one is not left on the way, whatever this is about.
		s.target.Memory.Learn(func(k *Known) { k.LoggedIn = "" })
	}
	if e, ok := client.(explainer); ok && !r.ok() {
		if why := clean(e.Explain()); why != "" {
			said += " (" + why + ")"
		}
	}
	accepted := ""
	if r.ok() {
		accepted = name
	}
	s.target.Memory.Learn(func(k *Known) { k.LoggedIn = accepted })
	switch {
	case r.ok():
		return s.mutual(client, name)
	case r.code == 432:
		return s.personFault(queue.StepAuth, "log in to the provider's web page once", "the password must be changed over first: %s", said)
	case invalid(client):
	case r.code/100 == 4:
		return s.fault(queue.StepAuth, "", "the server cannot check the log-in just now: %s", said)
	case r.code/100 == 3:
		return s.broken(queue.StepAuth, &unexpected{"AUTH", r})
	case r.code <= mostCommandCode:
		return s.personFault(queue.StepAuth, "set auth to another mechanism of the server's: "+strings.ToLower(strings.Join(s.caps.Auth, ", ")),
			"the server does not take %s: %s", name, said)
	}
	// RFC 4954 section 6: 535 is a wrong user or secret. Providers say it with
	// 534, 538, 550 and 554 too.
	return s.personFault(queue.StepAuth, s.target.LoginHint, "%w", &Refused{r.code, name, said})
}

func invalid(client gosasl.Client) bool {
	j, ok := client.(judge)
	return ok && j.Invalid()
}

// mutual checks the server's proof that it knows the password as well.
func (s *Session) mutual(client gosasl.Client, name string) *queue.RouteFault {
	v, ok := client.(verifier)
	if !ok {
		return nil
	}
	if err := v.Verified(); err != nil {
		return s.personFault(queue.StepAuth, "this may be a false server: use another network", "the server accepted the log-in (%s) without proof that it knows the password: %w", name, err)
	}
	return nil
}

// loginWanted is the fault of a server that takes no mail from us as we are.
func (s *Session) loginWanted(r reply) *queue.RouteFault {
	if s.tls == nil {
		// RFC 3207 section 4 has the same code for "issue STARTTLS first".
		return s.personFault(queue.StepAuth, "write smtp:// in place of smtp+insecure:// in smarthost; or, if it wants a log-in: "+s.target.LoginHint,
			"the server wants TLS or a log-in before it takes mail: %v", r)
	}
	return s.personFault(queue.StepAuth, s.target.LoginHint, "the server wants a log-in before it takes mail: %v", r)
}
