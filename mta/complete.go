package mta

import (
	"crypto/rand"
	"encoding/hex"

	"mailcrane/internal/header"
)

// complete adds what a message of our own users lacks (RFC 6409 section 8).
func (s *session) complete(h *header.Section) {
	now := s.server.Now()
	if !h.Has("Date") {
		h.Insert(0, header.New("Date", now.Format(dateForm), h.EOL))
	}
	if !h.Has("From") && s.from != "" {
		h.Insert(0, header.New("From", s.from, h.EOL))
	}
	if !h.Has("Message-ID") {
		var bits [12]byte
		_, _ = rand.Read(bits[:]) // it never fails
		h.Insert(0, header.New("Message-ID", "<"+now.UTC().Format("20060102150405")+"."+hex.EncodeToString(bits[:])+"@"+s.rules.hostname+">", h.EOL))
	}
}
