package checkup

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"mailcrane/internal/config"
	"mailcrane/netwatch/portal"
)

// ports asks what answers where the account's mail goes, and at the other ports for
// mail: 465 (RFC 8314), 587 (RFC 6409) and 25. It says whether the configured one
// will do.
func (w *way) ports(ctx context.Context) bool {
	own := w.account.Smarthost.Port
	asked := []string{own}
	if !w.account.Smarthost.Loopback() {
		for _, port := range []string{"465", "587", "25"} {
			if port != own {
				asked = append(asked, port)
			}
		}
	}
	w.found = make(map[string]answer)
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, port := range asked {
		all.Go(func() {
			a := w.probe(ctx, port)
			mu.Lock()
			defer mu.Unlock()
			w.found[port] = a
		})
	}
	all.Wait()
	var told []string
	for _, port := range asked {
		told = append(told, fmt.Sprintf("port %s: %s", port, w.found[port]))
	}
	return w.judgePort(ctx, strings.Join(told, "; "))
}

func (w *way) judgePort(ctx context.Context, told string) bool {
	to := w.account.Smarthost
	at := w.found[to.Port]
	wanted := speaksSMTP
	if to.TLS == config.Implicit {
		wanted = speaksTLS
	}
	switch {
	case at == wanted:
		w.tell(Finding{ID: "port", State: OK, What: fmt.Sprintf("%s answers (%s)", to.Addr(), told)})
		return true
	case at == speaksSMTP:
		w.tell(w.badPort("port-mode", fmt.Sprintf("port %s of %s wants STARTTLS, and smarthost says TLS at once (smtps://)", to.Port, to.Host),
			told, w.url("smtp", to.Port)))
		return false
	case at == speaksTLS:
		w.tell(w.badPort("port-mode", fmt.Sprintf("port %s of %s speaks TLS at once, and smarthost says STARTTLS (smtp://)", to.Port, to.Host),
			told, w.url("smtps", to.Port)))
		return false
	}
	if w.portal(ctx, told) {
		return false
	}
	f := Finding{Why: told}
	switch at {
	case refused:
		f.ID, f.What = "port-closed", fmt.Sprintf("port %s of %s is closed: it says that nobody takes mail there", to.Port, to.Host)
	case filtered, mute:
		f.ID, f.What = "port-filtered", fmt.Sprintf("port %s of %s does not answer: something on the way, or the server, lets nothing through", to.Port, to.Host)
		if to.Port == "25" {
			f.Why = "most providers of connections block port 25, which is for servers; " + told
		}
	case unreachable:
		f.ID, f.What = "no-route", fmt.Sprintf("this network does not lead to %s", to.Host)
	default:
		f.ID, f.What = "port-strange", fmt.Sprintf("at port %s of %s there is %s", to.Port, to.Host, at)
	}
	w.tell(w.otherPort(f))
	return false
}

// otherPort names the port that works, where there is one.
func (w *way) otherPort(f Finding) Finding {
	for _, other := range []struct {
		port, scheme string
		speaks       answer
	}{{"465", "smtps", speaksTLS}, {"587", "smtp", speaksSMTP}, {"25", "smtp", speaksSMTP}} {
		if other.port != w.account.Smarthost.Port && w.found[other.port] == other.speaks {
			return w.badPort(f.ID, f.What, f.Why, w.url(other.scheme, other.port))
		}
	}
	f.State = Broken
	f.Mend = "try another network; if it is so everywhere, ask the provider for the server's name and port"
	f.Command = w.Call + " status"
	return f
}

func (w *way) url(scheme, port string) string {
	return scheme + "://" + net.JoinHostPort(w.account.Smarthost.Host, port)
}

// badPort is mended by another smarthost setting.
func (w *way) badPort(id, what, why, url string) Finding {
	return Finding{
		ID: id, State: Broken, What: what, Why: why,
		Mend: fmt.Sprintf("set smarthost = %q in [account.%s]", url, w.account.Name), Command: w.set(w.account, "smarthost", url),
	}
}

// portal asks whether a captive portal answers in everybody's place.
func (w *way) portal(ctx context.Context, told string) bool {
	questions := []portal.Question{{Kind: portal.AsksServer, URL: "http://" + w.account.Smarthost.Host + "/"}}
	if probe := w.Config.Network.Probe; probe != "" {
		questions = slices.Insert(questions, 0, portal.Question{Kind: portal.AsksProbe, URL: probe, Expect: w.Config.Network.Expect})
	}
	for _, q := range questions {
		got, err := q.Ask(ctx, w.Dial)
		if err != nil {
			continue
		}
		found, page := q.Judge(got)
		if found != portal.FindsPortal {
			continue
		}
		if page == "" {
			page = q.URL
		}
		w.tell(Finding{
			ID: "portal", State: Broken, What: "this network wants you to log in on its page first", Why: told,
			Mend: "open the page in a browser and log in; mail leaves by itself then", Command: "xdg-open " + shell(page),
		})
		return true
	}
	return false
}
