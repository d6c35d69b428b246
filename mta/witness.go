package mta

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
