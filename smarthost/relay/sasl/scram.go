package sasl

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"
)

// maxIterations bounds the work that a server can ask of us before it has
// proved anything; servers use 4096 to a few hundred thousand.
const maxIterations = 2_000_000

// scramClient is SCRAM (RFC 5802, RFC 7677).
type scramClient struct {
	name   string
	talk   *scram.ClientConversation
	reason string // why the server refused, or ""
}

func newScram(c Credentials, name string, offered []string, state *tls.ConnectionState) (*scramClient, error) {
	client, err := scram.SHA256.NewClient(c.User, c.Secret, "")
	if err != nil {
		// The library's words may quote what it could not prepare.
		return nil, errors.New("user name or password has characters that SCRAM does not allow")
	}
	s := &scramClient{name: name}
	switch {
	case strings.HasSuffix(name, "-PLUS"):
		binding, err := channelBinding(state)
		if err != nil {
			return nil, fmt.Errorf("the log-in cannot be bound to this TLS connection: %w", err)
		}
		s.talk = client.NewConversationWithChannelBinding(binding)
	case state != nil && !slices.Contains(offered, "SCRAM-SHA-256-PLUS"):
		// A server that did offer PLUS learns from this that someone in
		// between has cut it out (RFC 5802 section 6).
		s.talk = client.NewConversationAdvertisingChannelBinding()
	default:
		s.talk = client.NewConversation()
	}
	return s, nil
}

// channelBinding is RFC 9266 for TLS 1.3 and RFC 5929 before.
func channelBinding(state *tls.ConnectionState) (scram.ChannelBinding, error) {
	if state.Version >= tls.VersionTLS13 {
		return scram.NewTLSExporterBinding(state)
	}
	return scram.NewTLSServerEndpointBinding(state)
}

func (s *scramClient) Start() (string, []byte, error) {
	first, err := s.talk.Step("")
	return s.name, []byte(first), err
}

// Next answers a server-error (RFC 5802 section 7) with nothing, so that the
// server comes to say 535, as it should have.
func (s *scramClient) Next(challenge []byte) ([]byte, error) {
	if reason, ok := strings.CutPrefix(string(challenge), "e="); ok && s.reason == "" {
		s.reason, _, _ = strings.Cut(reason, ",")
		return []byte{}, nil
	}
	if err := checkIterations(string(challenge)); err != nil {
		return nil, err
	}
	response, err := s.talk.Step(string(challenge))
	return []byte(response), err
}

func checkIterations(challenge string) error {
	for attribute := range strings.SplitSeq(challenge, ",") {
		count, ok := strings.CutPrefix(attribute, "i=")
		if !ok {
			continue
		}
		if n, err := strconv.Atoi(count); err != nil || n > maxIterations {
			return fmt.Errorf("the server asks for %.20q rounds of hashing, more than %d", count, maxIterations)
		}
	}
	return nil
}

// Explain is why the server refused, in the words of RFC 5802, or "".
func (s *scramClient) Explain() string { return s.reason }

// Verified says whether the server has proved that it knows the password.
func (s *scramClient) Verified() error {
	if !s.talk.Valid() {
		return errors.New("its last message of SCRAM is missing")
	}
	return nil
}
