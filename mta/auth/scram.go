package auth

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/xdg-go/scram"
	"github.com/xdg-go/stringprep"
)

// scramPrefix begins the keys as PostgreSQL writes them:
// SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey.
const scramPrefix = "SCRAM-SHA-256$"

const (
	scramIterations = 65536 // of new keys; RFC 7677 wants 4096 at least
	leastIterations = 1024
	saltOctets      = 16
	mostSalt        = 128
)

// scramKeys are what a server keeps of a password (RFC 5802 section 3).
type scramKeys struct {
	iterations int
	salt       []byte
	stored     []byte
	server     []byte
}

// parseScram reads PostgreSQL's form, or Dovecot's with commas.
func parseScram(text string) (*scramKeys, error) {
	text = strings.TrimPrefix(text, scramPrefix)
	parts := strings.FieldsFunc(text, func(c rune) bool { return c == ':' || c == '$' || c == ',' })
	const all = 4
	if len(parts) != all {
		return nil, errNoHash
	}
	k := &scramKeys{}
	n, err := strconv.ParseUint(parts[0], 10, 31)
	switch {
	case err != nil || n < leastIterations:
		return nil, errNoHash
	case n > mostIterations:
		return nil, errTooMuch
	}
	k.iterations = int(n)
	for i, to := range []*[]byte{&k.salt, &k.stored, &k.server} {
		if *to, err = base64.StdEncoding.DecodeString(parts[i+1]); err != nil {
			return nil, errNoHash
		}
	}
	if len(k.salt) == 0 || len(k.salt) > mostSalt || len(k.stored) != sha256.Size || len(k.server) != sha256.Size {
		return nil, errNoHash
	}
	return k, nil
}

func newScramKeys(password string) (*scramKeys, error) {
	salt := make([]byte, saltOctets)
	_, _ = rand.Read(salt) // it never fails
	k, err := deriveScram(password, salt, scramIterations)
	if err != nil {
		return nil, fmt.Errorf("the password has characters that SCRAM does not allow (RFC 4013)")
	}
	return k, nil
}

func deriveScram(password string, salt []byte, iterations int) (*scramKeys, error) {
	prepared, err := stringprep.SASLprep.Prepare(password)
	if err != nil {
		return nil, err
	}
	salted, err := pbkdf2.Key(sha256.New, prepared, salt, iterations, sha256.Size)
	if err != nil {
		return nil, err
	}
	client := sign(salted, "Client Key")
	stored := sha256.Sum256(client)
	return &scramKeys{iterations: iterations, salt: salt, stored: stored[:], server: sign(salted, "Server Key")}, nil
}

func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func (k *scramKeys) matches(password string) bool {
	other, err := deriveScram(password, k.salt, k.iterations)
	return err == nil && hmac.Equal(other.stored, k.stored)
}

// String is PostgreSQL's form.
func (k *scramKeys) String() string {
	text := base64.StdEncoding.EncodeToString
	return scramPrefix + strconv.Itoa(k.iterations) + ":" + text(k.salt) + "$" + text(k.stored) + ":" + text(k.server)
}

// scramServer is the server's side of a conversation. The last word of SCRAM
// is the server's, which SMTP sends as one more challenge (RFC 4954 section 4).
type scramServer struct {
	talk  *scram.ServerConversation
	found func(user string)
	user  string
	began bool
}

func (s *scramServer) claimed() string { return s.user }

func (s *scramServer) Next(response []byte) (challenge []byte, done bool, err error) {
	first := !s.began
	s.began = true
	switch {
	case first && response == nil:
		return []byte{}, false, nil
	case s.talk.Done():
		if !s.talk.Valid() || len(response) > 0 {
			return nil, false, sasl.ErrUnexpectedClientResponse
		}
		s.found(s.user)
		return nil, true, nil
	}
	answer, err := s.talk.Step(string(response))
	s.user = s.talk.Username()
	switch {
	case errors.Is(err, errTemporary):
		return nil, false, err
	case err != nil:
		return nil, false, errWrong // the library's words tell what it expected
	case s.talk.AuthzID() != "" && s.talk.AuthzID() != s.user:
		return nil, false, errWrong
	}
	return []byte(answer), false, nil
}

// errTemporary marks what is not the user's fault where a library stands between.
var errTemporary = errors.New("users cannot be looked up")

// newScram is a conversation with a client that was offered channel binding, or
// not.
func (s *file) newScram(name string, f *Facts, found func(string)) (sasl.Server, error) {
	factory, err := scram.SHA256.NewServer(s.credentials)
	if err != nil {
		return nil, err
	}
	server := &scramServer{found: func(user string) { found(s.whole(user)) }}
	binding, bound := bindingOf(f.TLS)
	switch {
	case name == scramPlus:
		server.talk = factory.NewConversationWithChannelBindingRequired(binding)
	case bound && f.offeredPlus:
		server.talk = factory.NewConversationWithChannelBinding(binding)
	default:
		server.talk = factory.NewConversation()
	}
	return server, nil
}

// bindingOf is that of RFC 9266. Before TLS 1.3 there is none: the one of that
// time (RFC 5929) is not safe without a further extension.
func bindingOf(state *tls.ConnectionState) (binding scram.ChannelBinding, ok bool) {
	if state == nil || state.Version < tls.VersionTLS13 {
		return scram.ChannelBinding{}, false
	}
	binding, err := scram.NewTLSExporterBinding(state)
	return binding, err == nil
}
