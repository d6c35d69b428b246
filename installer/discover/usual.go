package discover

import (
	"context"

	"mailcrane/internal/config"
)

// usualNames tries the names that such a server mostly has, all at once, and
// takes the best that showed a certificate for its name.
func (s *search) usualNames(ctx context.Context) *Settings {
	if s.none {
		return nil
	}
	var servers []config.Smarthost
	for _, name := range [...]string{"smtp.", "mail.", "submission."} {
		servers = append(servers,
			config.Smarthost{Host: name + s.domain, Port: "465", TLS: config.Implicit},
			config.Smarthost{Host: name + s.domain, Port: "587", TLS: config.StartTLS})
	}
	limited, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	answers := make([]chan error, len(servers))
	for i, server := range servers {
		answers[i] = make(chan error, 1)
		go func() { answers[i] <- s.Probe(limited, server) }()
	}
	for i, server := range servers {
		what, err := "a try of "+server.Addr(), <-answers[i]
		switch {
		case err == nil:
			return s.found(what, server.Host, s.users(&Settings{Server: server}))
		case ctx.Err() != nil:
			return nil
		case notThere(err):
			s.absent(what, server.Host, refusal(err))
		default:
			s.unknown(what, server.Host, err)
		}
	}
	return nil
}

func refusal(err error) string {
	if nameNotThere(err) {
		return "there is no such name"
	}
	return "nothing listens there"
}
