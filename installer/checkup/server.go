package checkup

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/smarthost"
	"mailcrane/smarthost/relay"
)

// server opens a session without a log-in: the certificate, and what is offered.
func (w *way) server(ctx context.Context) bool {
	if !w.clientCertificate() {
		return false
	}
	report, fault := w.transport().CheckServer(ctx, w.account.Name)
	if fault != nil {
		w.serverFault(ctx, fault)
		return false
	}
	w.certificateEnds(report)
	w.offers(report.Capabilities)
	w.size(report.Capabilities)
	return w.authOffered(report.Capabilities)
}

// transport is one that remembers nothing of before, and so shows what is.
func (w *way) transport() *smarthost.Transport {
	return smarthost.New(w.Config, smarthost.Options{Dial: w.Dial, Now: w.Now, Getenv: w.Getenv})
}

// serverFault says why there is no session.
func (w *way) serverFault(ctx context.Context, fault *queue.RouteFault) {
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](fault.Err); ok && len(bad.UnverifiedCertificates) > 0 {
		w.badCertificate(ctx, bad)
		return
	}
	f := Finding{ID: "server", State: Broken, What: line(fault.Sentence()), Why: "no session with the server could be opened", Mend: line(fault.Hint)}
	to := w.account.Smarthost
	switch {
	case fault.Step == queue.StepConfig:
		f.ID, f.Code, f.Command = "tls-files", sysexits.Config, w.edit(w.lineOf(w.account, "tls.ca"))
		f.Why = "without them the server is not trusted"
	case fault.Step == queue.StepTLS && to.TLS == config.StartTLS && w.found["465"] == speaksTLS:
		f = w.badPort("no-starttls", f.What, "nothing is sent in the clear; port 465 speaks TLS at once", w.url("smtps", "465"))
	case fault.Step == queue.StepTLS && to.TLS == config.StartTLS:
		f.ID = "no-starttls"
		f.Command = w.Call + " status"
	case fault.Step == queue.StepGreeting:
		f.ID = "server-refuses"
	}
	w.tell(f)
}

// offers tells what makes the mail quick.
func (w *way) offers(c relay.Capabilities) {
	f := Finding{ID: "offers", State: OK, What: "the server offers " + strings.Join(offered(c), ", ")}
	if !c.Pipelining {
		f.State, f.What = Note, f.What+"; not PIPELINING"
		f.Why = "each command waits for its answer, which is slow on a slow link"
	}
	w.tell(f)
}

func offered(c relay.Capabilities) []string {
	names := c.Extensions()
	if len(c.Auth) > 0 {
		names = append(names, "AUTH "+strings.Join(c.Auth, " "))
	}
	if len(names) == 0 {
		names = append(names, "no extension")
	}
	return names
}

// size compares the server's bound with what waits.
func (w *way) size(c relay.Capabilities) {
	if c.MaxSize == 0 {
		return
	}
	largest, id := w.largest()
	switch {
	case largest > c.MaxSize:
		w.tell(Finding{
			ID: "size-limit", State: Broken, Code: sysexits.DataErr,
			What: fmt.Sprintf("message %s is too large for the server: %s, and it takes %s", id, megabytes(largest), megabytes(c.MaxSize)),
			Why:  "it will come back to its sender", Mend: "send it another way, and remove it", Command: fmt.Sprintf("%s queue show %s", w.Call, id),
		})
	case int64(w.account.MaxSize) > c.MaxSize:
		w.tell(Finding{
			ID: "size-limit", State: Note, What: fmt.Sprintf("max_size of account %s is larger than what the server takes, %s", w.account.Name, megabytes(c.MaxSize)),
			Why: "messages between the two are refused by the server",
		})
	}
}

// largest is the largest message that waits for the account.
func (w *way) largest() (size int64, id queue.ID) {
	names, err := w.Spool.Sorted()
	if err != nil {
		return 0, "" // that was told where the spool was looked at
	}
	out := w.transport()
	for _, name := range names {
		if name.Size <= size {
			continue
		}
		entry, ok := w.Spool.Entry(name)
		if !ok {
			continue
		}
		if route, err := out.Route(entry.Envelope); err == nil && string(route) == w.account.Name {
			size, id = name.Size, name.ID
		}
	}
	return size, id
}

// authOffered compares the mechanisms with what is set.
func (w *way) authOffered(c relay.Capabilities) bool {
	auth := w.account.Auth
	f := Finding{State: Broken, Code: sysexits.Config}
	switch {
	case auth == "none":
		return true
	case len(c.Auth) == 0:
		f.ID, f.What = "no-auth", fmt.Sprintf("%s offers no log-in, and account %s wants one", w.account.Smarthost.Addr(), w.account.Name)
		f.Why = "the password is not sent where nobody asks for it"
		if w.found["587"] == speaksSMTP && w.account.Smarthost.Port == "25" {
			f = w.badPort(f.ID, f.What, "port 25 is for servers, and port 587 for people", w.url("smtp", "587"))
			break
		}
		f.Mend = fmt.Sprintf(`if this server wants no log-in, set auth = "none" in [account.%s]; else ask the provider for the server of outgoing mail`, w.account.Name)
		f.Command = w.setAuth("none")
	case auth != "auto" && !slices.Contains(c.Auth, strings.ToUpper(auth)):
		f.ID, f.What = "auth-mechanism", fmt.Sprintf("the server does not offer the log-in that is set, %s", auth)
		f.Why = "it offers " + strings.Join(c.Auth, " ")
		f.Mend, f.Command = fmt.Sprintf(`set auth = "auto" in [account.%s]`, w.account.Name), w.set(w.account, "auth", "auto")
	default:
		return true
	}
	w.tell(f)
	return false
}

// setAuth sets auth, where it is not set yet in a line behind that of smarthost.
func (w *way) setAuth(value string) string {
	if w.lineOf(w.account, "auth") != "" {
		return w.set(w.account, "auth", value)
	}
	at := w.lineOf(w.account, "smarthost")
	return fmt.Sprintf(`sed -i '%sa auth = "%s"' %s`, at, value, shell(w.File))
}
