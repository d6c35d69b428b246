package mta

// The session is a witness of its dialogue (smtpd.Witness), and has it told.

func (s *session) Heard(command string) { s.told.Heard(command) }

func (s *session) Listens() bool { return s.told.Listens() }

func (s *session) Said(reply string) { s.told.Said(reply) }

func (s *session) Lost(inMessage, timedOut bool) { s.told.Lost(inMessage, timedOut) }
