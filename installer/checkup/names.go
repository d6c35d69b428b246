package checkup

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"mailcrane/internal/sysexits"
)

// names says whether the server's name leads to an address, and where it does not,
// whose fault that is.
func (w *way) names(ctx context.Context) bool {
	host := w.account.Smarthost.Host
	if net.ParseIP(host) != nil {
		return true
	}
	limited, cancel := context.WithTimeout(ctx, 3*nameTime)
	defer cancel()
	addresses, err := w.resolver().LookupNetIP(limited, "ip", host)
	if err == nil && len(addresses) > 0 {
		w.tell(Finding{ID: "name", State: OK, What: fmt.Sprintf("%s is %s", host, families(addresses))})
		return true
	}
	servers := w.nameServers()
	if len(servers) == 0 {
		w.noNameServer()
		return false
	}
	var said []string
	var worst askedName
	for i, server := range servers[:min(len(servers), 3)] { // resolv.conf(5): no more are asked
		a := w.askName(ctx, server, host, false)
		said = append(said, fmt.Sprintf("%s: %s", server, a.words()))
		if i == 0 || worst.err != nil && a.err == nil {
			worst = a
		}
	}
	w.nameFault(ctx, servers[0], worst, strings.Join(said, "; "))
	return false
}

// families tells IPv4 from IPv6.
func families(addresses []netip.Addr) string {
	four, six := 0, 0
	for _, a := range addresses {
		if a.Unmap().Is4() {
			four++
		} else {
			six++
		}
	}
	switch {
	case six == 0:
		return fmt.Sprintf("%s (%d by IPv4)", addresses[0].Unmap(), four)
	case four == 0:
		return fmt.Sprintf("%s (%d by IPv6 only)", addresses[0], six)
	}
	return fmt.Sprintf("%s (%d by IPv4, %d by IPv6)", addresses[0].Unmap(), four, six)
}

func (w *way) noNameServer() {
	f := Finding{
		ID: "no-name-server", State: Broken, Code: sysexits.NoHost, What: "this machine knows no name server: there is none in /etc/resolv.conf",
		Why: "no name leads to an address, " + w.account.Smarthost.Host + " neither", Command: "nmcli networking off; nmcli networking on",
	}
	const stub = "/run/systemd/resolve/stub-resolv.conf"
	if _, err := os.Stat(filepath.Join(w.Root, stub)); err == nil {
		f.Command = w.sudo("ln -sf " + stub + " /etc/resolv.conf")
	}
	w.tell(f)
}

func (w *way) nameFault(ctx context.Context, server netip.Addr, a askedName, said string) {
	host := w.account.Smarthost.Host
	f := Finding{State: Broken, Code: sysexits.NoHost, Why: said}
	switch {
	case a.err == nil && a.code == dnsmessage.RCodeNameError:
		f.ID, f.What = "name-missing", fmt.Sprintf("there is no name %s", host)
		f.Mend = "correct the name in smarthost; a name that only a VPN knows is found once the VPN is up"
		f.Command = w.edit(w.lineOf(w.account, "smarthost"))
	case a.err == nil && a.code == dnsmessage.RCodeServerFailure:
		f.ID, f.What = "name-failure", fmt.Sprintf("the name server could not find out where %s is", host)
		f.Mend = "that is not this machine's fault, and may pass; another network has another name server"
		if without := w.askName(ctx, server, host, true); without.err == nil && without.code == dnsmessage.RCodeSuccess && without.found > 0 {
			f.ID, f.What = "name-dnssec", fmt.Sprintf("the name server does not believe what it is told of %s: its signature (DNSSEC) is wrong", host)
			f.Mend = "if this machine's clock is right, the owner of the name has to mend it; do not switch the check off for this"
		}
		f.Command = "resolvectl query " + shell(host)
	case a.err == nil && a.code == dnsmessage.RCodeSuccess && a.found == 0:
		f.ID, f.What = "name-without-address", fmt.Sprintf("the name %s is there, and has no address", host)
		f.Mend = "correct the name in smarthost: this may be a domain, of which the mail server has a name of its own"
		f.Command = w.edit(w.lineOf(w.account, "smarthost"))
	case a.err == nil && a.code == dnsmessage.RCodeSuccess:
		f.ID, f.What = "name-failure", fmt.Sprintf("%s was not found at first, and then it was", host)
		f.Mend = "try again in a moment"
	case a.err == nil:
		f.ID, f.What = "name-failure", fmt.Sprintf("the name server does not say where %s is", host)
		f.Mend = "use another network, or another name server"
	default:
		f.ID, f.What = "name-server-silent", fmt.Sprintf("the name server does not answer, so that nobody knows where %s is", host)
		f.Mend = "connect to a network, or log in on its page; see which name servers this machine asks with: cat /etc/resolv.conf"
		f.Command = w.Call + " status"
	}
	w.tell(f)
}
