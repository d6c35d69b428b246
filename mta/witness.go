package mta

import (
	"net/netip"

	"mailcrane/internal/config"
	"mailcrane/mta/watch"
)

// TurnedAway implements smtpd.Porter.
func (s *Server) TurnedAway(remote netip.Addr, port *config.Listener, why string) {
	s.Watch.TurnedAway(watch.Peer{Addr: remote, Port: port.PortName()}, why)
}

// The session is a witness of its dialogue (smtpd.Witness), and has it told.

func (s *session) Heard(command string) { s.told.Heard(command) }

func (s *session) Listens() bool { return s.told.Listens() }

func (s *session) Said(reply string) { s.told.Said(reply) }

func (s *session) Insecure(why error) { s.told.Secured(nil, "", why) }

func (s *session) TooLarge(size, most int64) { s.told.TooLarge("", size, most) }

func (s *session) Malformed(command, text string, why error) {
	s.told.Malformed(command, text, why.Error())
}

func (s *session) Flood() { s.told.Flood() }

func (s *session) Lost(inMessage, timedOut bool) { s.told.Lost(inMessage, timedOut) }
