package known

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strings"
)

// TLS sessions are secrets: who has one, and what went over the wire, reads
// along where there was no key exchange beside it, and who has one can show
// itself to the server as us. They are sealed with a key of this machine and
// user, so that a copy of the spool on another machine, in a backup or on a
// stick, does not give them away. The keyring is not asked: a handshake comes
// before the server's certificate is verified, and a locked keyring is opened
// by a person only for a server that has proved itself.

const (
	keyFile = "key"
	keySize = 32
	// machineFile is a number that no other machine has (machine-id(5)); mixed
	// into the key where there is one.
	machineFile = "/etc/machine-id"
	keyInfo     = "mailcrane TLS sessions 1"
)

// aead seals and opens.
func (s *Store) aead() (cipher.AEAD, error) {
	secret, err := s.secret()
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, secret, machine(), keyInfo, keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// secret is what the key is made from. It is read each time, since another
// process may have made a new one.
func (s *Store) secret() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		if s.key == nil {
			s.key = newSecret()
		}
		return s.key, nil
	}
	if secret, err := s.keptSecret(); err != nil || secret != nil {
		return secret, err
	}
	err := s.files.KeepKnown(keyFile, base64.StdEncoding.EncodeToString(newSecret())+"\n")
	if err != nil {
		return nil, err
	}
	// Of two processes that make one at once, the last wins.
	secret, err := s.keptSecret()
	if err == nil && secret == nil {
		err = fmt.Errorf("the file %s was damaged at once", keyFile)
	}
	return secret, err
}

// keptSecret is nil where there is none, or a damaged one.
func (s *Store) keptSecret() ([]byte, error) {
	text, err := s.files.Known(keyFile)
	if err != nil {
		return nil, err
	}
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(secret) != keySize {
		return nil, nil
	}
	return secret, nil
}

func newSecret() []byte {
	secret := make([]byte, keySize)
	rand.Read(secret) // never fails, says crypto/rand
	return secret
}

// machine is what tells this machine from others, or nothing.
func machine() []byte {
	const most = 64
	f, err := os.Open(machineFile)
	if err != nil {
		return nil
	}
	defer f.Close()
	id, _ := io.ReadAll(io.LimitReader(f, most))
	return id
}
