package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"mailcrane/installer/checkup"
	"mailcrane/internal/config"
)

// showServer is about server mode, where the configuration has listeners of it.
func (a *app) showServer(c *config.Config, r *statusReport) {
	m := &c.MTA
	if len(m.Listeners) == 0 {
		return
	}
	var ports []string
	for i := range m.Listeners {
		ports = append(ports, fmt.Sprintf("%s (%s)", m.Listeners[i].Address, m.Listeners[i].PortName()))
	}
	at := strings.Join(ports, ", ")
	switch {
	case r.Agent == nil || r.Silent:
		a.labelled("server", "down: nobody takes mail in on %s", at)
	case len(r.Agent.Server) == 0:
		a.labelled("server", "down: what runs is the agent alone, and nobody takes mail in on %s; have the service be the server with %s", at, serviceCall(c, "install"))
	default:
		a.labelled("server", "takes mail in on %s", at)
	}
	a.showServerDoes(c)
}

// showServerDoes is whom the server takes mail for, and how long its certificates
// are good.
func (a *app) showServerDoes(c *config.Config) {
	if local := c.MTA.Local; len(local) > 0 {
		a.labelled("", "for %s", strings.Join(local, ", "))
	}
	for _, file := range config.PathsOf(c.MTA.TLS.Cert) {
		end, err := checkup.CertificateEnd(file)
		switch {
		case err != nil:
			a.labelled("", "%s", err)
		case a.now().After(end):
			a.labelled("", "the certificate in %s ended on %s", file, end.Local().Format(time.DateOnly))
		default:
			a.labelled("", "the certificate in %s is good until %s", file, end.Local().Format(time.DateOnly))
		}
	}
	if err := a.checkAccess(c, io.Discard); err != nil {
		a.labelled("", "%s", err)
	}
}
