package installer

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"mailcrane/internal/sysexits"
)

// A Server is what server mode ([mta]) asks of the service. It has no unit of its
// own: one process has the queue, and it is the same service in every command.
type Server struct {
	// Listen are its listeners: "host:port", ":port" or "unix:/path".
	Listen []string
	// RunAs is USER or USER:GROUP that it becomes; "" for nobody.
	RunAs string
	// LowPort: it opens a port below 1024 itself, besides those of Listen.
	LowPort bool
}

func (s Server) wanted() bool { return len(s.Listen) > 0 }

const (
	serverName    = Name + "-mta.socket"
	serverAnyName = Name + "-mta-any.socket"
)

// hosts and noHosts are the two kinds of listeners. A unit says for all of its
// sockets whether an IPv6 one takes IPv4 too: [::]:25 does not, so that 0.0.0.0:25
// may stand beside it, and :25 does.
const (
	hosts   = "ipv6-only"
	noHosts = "both"
)

// serverUnit opens the listeners of one kind of the machine's server, so that no
// part of it is ever root, and a client who comes while it is started anew waits
// and is served.
func (o Options) serverUnit(kind string) string {
	if o.User || !o.activates() {
		return ""
	}
	var b strings.Builder
	for _, address := range o.Needs.Server.Listen {
		if of := kindOf(address); of == kind {
			fmt.Fprintf(&b, "ListenStream=%s\n", specifiers(strings.TrimPrefix(strings.TrimPrefix(address, "unix:"), ":")))
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return fmt.Sprintf(`%s

[Unit]
Description=mailcrane: mail from the network

[Socket]
%sService=%s
BindIPv6Only=%s
# An address may come later than this.
FreeBind=yes
Backlog=4096
SocketMode=0666
DirectoryMode=0755
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
`, mark, b.String(), unitName, kind)
}

// kindOf is hosts, noHosts, or "" for a listener that a unit cannot have: one that
// is named by a host.
func kindOf(address string) string {
	if path, unix := strings.CutPrefix(address, "unix:"); unix {
		if strings.ContainsFunc(path, unfitForSystemd) || path != strings.TrimSpace(path) {
			return ""
		}
		return hosts
	}
	if strings.HasPrefix(address, ":") {
		return noHosts
	}
	if _, err := netip.ParseAddrPort(address); err != nil {
		return ""
	}
	return hosts
}

// checkServer says whether the machine's service could be this server.
func (o Options) checkServer() error {
	s := o.Needs.Server
	if !s.wanted() || o.User || runtime.GOOS != "linux" {
		return nil
	}
	if !slices.Contains([]string{"", Name, Name + ":" + Name}, s.RunAs) {
		return sysexits.Errorf(sysexits.Config, "take run_as out of [mta], or start mailcrane mta as root yourself",
			"the service is the user %s from its start, and run_as wants it to become %s", Name, s.RunAs)
	}
	for _, address := range s.Listen {
		_, port, _ := strings.Cut(address, ":")
		if n, err := strconv.Atoi(port); err == nil && n < 1024 && kindOf(address) == "" {
			return sysexits.Errorf(sysexits.Config, "write the address in numbers in [[mta.listen]]", "systemd opens the ports, and does not know the address of %s", address)
		}
	}
	return nil
}
