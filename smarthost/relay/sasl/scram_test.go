package sasl

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"

	"github.com/xdg-go/scram"
)

// connection is both ends' view of a TLS connection.
func connection(t *testing.T, version uint16) (client, server tls.ConnectionState) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	s := tls.Server(theirs, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MaxVersion: version, SessionTicketsDisabled: true})
	c := tls.Client(ours, &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
	done := make(chan error, 1)
	go func() { done <- s.Handshake() }()
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	client, server = c.ConnectionState(), s.ConnectionState()
	// The server's own certificate is what tls-server-end-point hashes.
	server.PeerCertificates = client.PeerCertificates
	return client, server
}

// scramServer knows ann and her password.
func scramServer(t *testing.T) *scram.Server {
	t.Helper()
	ann, err := scram.SHA256.NewClient("ann", "sesame", "")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := ann.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "salt", Iters: 4096})
	if err != nil {
		t.Fatal(err)
	}
	server, err := scram.SHA256.NewServer(func(user string) (scram.StoredCredentials, error) {
		if user != "ann" {
			return scram.StoredCredentials{}, fmt.Errorf("no %s", user)
		}
		return stored, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func TestSCRAMWithTheChannelBindingOfEachTLSVersion(t *testing.T) {
	for version, binding := range map[uint16]struct {
		flag string
		of   func(*tls.ConnectionState) (scram.ChannelBinding, error)
	}{
		tls.VersionTLS13: {"p=tls-exporter,", scram.NewTLSExporterBinding},
		tls.VersionTLS12: {"p=tls-server-end-point,", scram.NewTLSServerEndpointBinding},
	} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			client, server := connection(t, version)
			bound, err := binding.of(&server)
			if err != nil {
				t.Fatal(err)
			}
			first := converse(t, "sesame", []string{"SCRAM-SHA-256-PLUS"}, &client, scramServer(t).NewConversationWithChannelBindingRequired(bound), "")
			if !strings.HasPrefix(first, binding.flag) {
				t.Errorf("begins %q, want %q", first, binding.flag)
			}
			other, _ := connection(t, version)
			converse(t, "sesame", []string{"SCRAM-SHA-256-PLUS"}, &other, scramServer(t).NewConversationWithChannelBindingRequired(bound), "another connection")
		})
	}
}

func TestSCRAMTellsThatItCouldHaveBound(t *testing.T) {
	client, server := connection(t, tls.VersionTLS13)
	bound, err := scram.NewTLSExporterBinding(&server)
	if err != nil {
		t.Fatal(err)
	}
	// Someone in between has cut -PLUS out of the offer: the server notices.
	converse(t, "sesame", []string{"SCRAM-SHA-256"}, &client, scramServer(t).NewConversationWithChannelBinding(bound), "downgrade")
	// A server that never had it does not mind.
	converse(t, "sesame", []string{"SCRAM-SHA-256"}, &client, scramServer(t).NewConversation(), "")
	converse(t, "sesame", []string{"SCRAM-SHA-256"}, nil, scramServer(t).NewConversation(), "")
}

func TestSCRAMWithAWrongPasswordIsNotVerified(t *testing.T) {
	converse(t, "wrong", []string{"SCRAM-SHA-256"}, nil, scramServer(t).NewConversation(), "wrong password")
}

// converse runs both sides. With why not empty it must fail.
func converse(t *testing.T, secret string, offered []string, state *tls.ConnectionState, server *scram.ServerConversation, why string) (first string) {
	t.Helper()
	client, _, err := Credentials{User: "ann", Secret: secret, Mechanism: "auto"}.Choose(offered, Link{TLS: state})
	if err != nil {
		t.Fatal(err)
	}
	_, initial, err := client.Start()
	first = string(initial)
	for response := initial; err == nil && !server.Done(); {
		var challenge string
		if challenge, err = server.Step(string(response)); err == nil {
			response, err = client.Next([]byte(challenge))
		}
	}
	verified := client.(*scramClient).Verified() == nil
	if ok := err == nil && verified && server.Valid(); ok != (why == "") {
		t.Errorf("%s: %v, verified %v", why, err, verified)
	}
	return first
}
