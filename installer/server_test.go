package installer

import (
	"strings"
	"testing"

	"mailcrane/internal/sysexits"
)

// serving is a machine's service with these listeners.
func serving(listen ...string) Options {
	return Options{Program: "/usr/local/bin/mailcrane", Needs: Needs{Spools: []string{"/var/lib/mailcrane/spool"}, Server: Server{Listen: listen}}}
}

func TestTheServiceOfAServerIsTheServerAndStays(t *testing.T) {
	o := serving("0.0.0.0:25", "[::]:25", ":587", "unix:/run/mailcrane/mta.sock", "127.0.0.1:10025")
	unit := o.unit()
	for _, line := range []string{
		`ExecStart="/usr/local/bin/mailcrane" "mta"`, "ExecReload=kill -HUP $MAINPID", "Sockets=mailcrane-mta.socket", "Sockets=mailcrane-mta-any.socket",
		"User=mailcrane", "CapabilityBoundingSet=", "AmbientCapabilities=",
	} {
		if !strings.Contains(unit, line+"\n") {
			t.Errorf("the unit has no line %s:\n%s", line, unit)
		}
	}
	if o.pathUnit() != "" {
		t.Error("a server that never ends is started by a path unit")
	}
	for _, test := range []struct {
		reason, kind string
		want         string
	}{
		{"IPv6 beside IPv4", hosts, "ListenStream=0.0.0.0:25\nListenStream=[::]:25\nListenStream=/run/mailcrane/mta.sock\nListenStream=127.0.0.1:10025\nService=mailcrane.service\nBindIPv6Only=ipv6-only\n"},
		{"both by one", noHosts, "[Socket]\nListenStream=587\nService=mailcrane.service\nBindIPv6Only=both\n"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			if text := o.serverUnit(test.kind); !strings.Contains(text, test.want) {
				t.Errorf("it is\n%s\nwithout\n%s", text, test.want)
			}
		})
	}
	if o := serving(); strings.Contains(o.unit(), "ExecReload") || o.serverUnit(hosts) != "" {
		t.Error("an agent has units of a server")
	}
	o.Needs.Server.LowPort = true
	if !strings.Contains(o.unit(), "\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n") {
		t.Error("it cannot listen where ACME asks")
	}
}

func TestAServerThatTheServiceCouldNotBeIsRefused(t *testing.T) {
	for _, test := range []struct {
		reason, runAs, listen string
		code                  int
	}{
		{"the service's own user", "mailcrane", ":25", sysexits.OK},
		{"another user", "daemon", ":25", sysexits.Config},
		{"a port of root's at a name", "", "mail.example.org:25", sysexits.Config},
		{"a port of anybody's at a name", "", "localhost:2525", sysexits.OK},
	} {
		t.Run(test.reason, func(t *testing.T) {
			o := serving(test.listen)
			o.Needs.Server.RunAs = test.runAs
			err := o.checkServer()
			if sysexits.Code(err) != test.code || err != nil && sysexits.Hint(err) == "" {
				t.Errorf("%v", err)
			}
		})
	}
}
