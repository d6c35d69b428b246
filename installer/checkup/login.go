package checkup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/smarthost/relay"
	"mailcrane/smarthost/secret"
)

// mostSenders bounds how many senders of an account the server is asked about.
const mostSenders = 5

// login logs in, once: a server that is sent a wrong password again and again locks
// the account. In the same session it is asked about each address in from.
func (w *way) login(ctx context.Context) {
	a := w.account
	if a.Secret.Kind == "credential" && a.Auth != "none" && a.Auth != "external" && w.Getenv("CREDENTIALS_DIRECTORY") == "" {
		w.agentsLogin()
		return
	}
	var senders []string
	for _, from := range a.From {
		if !strings.Contains(from, "*") && len(senders) < mostSenders {
			senders = append(senders, from)
		}
	}
	report, fault := w.transport().Check(ctx, a.Name, senders...)
	if fault != nil {
		w.loginFault(fault)
		return
	}
	how := "nobody logs in, as the server wants it"
	if report.Mechanism != "" {
		how = fmt.Sprintf("logged in as %s with %s", a.User, report.Mechanism)
	}
	w.tell(Finding{ID: "login", State: OK, What: how})
	for _, r := range report.Refused {
		w.tell(Finding{
			ID: "sender-refused", State: Broken, Code: sysexits.NoPerm, What: fmt.Sprintf("the server takes no mail from %s: %s", line(r.Address), line(r.Reply.String())),
			Why:  "each message from this address will come back",
			Mend: "have the provider allow this address, or write another first in from", Command: w.edit(w.lineOf(a, "from")),
		})
	}
}

// agentsLogin: only the service has the credential, and what came of its last
// log-in is known.
func (w *way) agentsLogin() {
	last, err := w.Spool.RouteState(queue.Route(w.account.Name))
	f := Finding{ID: "login", State: Note, Why: "the credential " + w.account.Secret.Value + " is given to the service alone, not to this command"}
	switch {
	case err != nil || last.At.IsZero():
		f.What = "the log-in was not tried: nothing is known of the service's own"
		f.Command = w.Call + " flush"
	case last.Fault != nil:
		f.State, f.Code = Broken, sysexits.NoPerm
		f.What, f.Mend = "the service could not send: "+line(last.Fault.Sentence), line(last.Fault.Hint)
	default:
		f.State, f.What = OK, "the service got in on "+day(last.At)
	}
	w.tell(f)
}

func (w *way) loginFault(fault *queue.RouteFault) {
	a := w.account
	if _, ok := errors.AsType[*relay.Refused](fault.Err); ok {
		w.tell(Finding{
			ID: "login-refused", State: Broken, Code: sysexits.NoPerm, What: line(fault.Sentence()),
			Why:  "user or password is wrong; it was sent once and is not sent again",
			Mend: line(secret.Mend(a)), Command: w.storeCommand(),
		})
		return
	}
	if fault.Step.OfSecret() {
		w.noSecret(fault.Err)
		return
	}
	w.tell(Finding{ID: "login", State: Broken, What: line(fault.Sentence()), Why: "the server was reached, and the session then failed", Mend: line(fault.Hint)})
}

// secretHere asks the source alone, where there is no network: not a command, which
// may ask a person something.
func (w *way) secretHere(ctx context.Context) {
	a := w.account
	if a.Auth == "none" || a.Auth == "external" || a.OAuth.Used() || a.Secret.Kind == "command" || a.Secret.Kind == "credential" {
		return
	}
	if _, err := secret.New(a, w.Getenv).Read(ctx); err != nil {
		w.noSecret(err)
		return
	}
	w.tell(Finding{ID: "secret", State: OK, What: "the password is there (" + a.Secret.Kind + ")"})
}

// noSecret says why the source gave none.
func (w *way) noSecret(err error) {
	f := Finding{ID: "secret", State: Broken, Code: sysexits.Code(err), What: line(err.Error()), Why: "without the password nobody logs in, and mail waits", Mend: line(sysexits.Hint(err))}
	a := w.account
	switch {
	case errors.Is(err, secret.ErrLocked):
		f.ID, f.Command = "keyring-locked", fmt.Sprintf("secret-tool lookup service %s username %s >/dev/null", secret.Service, shell(secret.KeyringUser(a)))
	case errors.Is(err, secret.ErrNotFound):
		f.ID, f.Command = "keyring-empty", w.Call+" login "+shell(a.Name)
	case errors.Is(err, secret.ErrNoBus), errors.Is(err, secret.ErrNoService):
		f.ID, f.Command = "no-keyring", w.fileInstead()
		f.Mend = "log in to the desktop, whose keyring it is; or keep the password in a file that only you can read, with the command"
	case a.Secret.Kind == "file":
		f.ID, f.Command = "secret-file", w.fileCommand()
	case a.Secret.Kind == "command":
		f.ID, f.Command = "secret-command", w.edit(w.lineOf(a, "secret"))
	}
	w.tell(f)
}

// storeCommand replaces a password that was refused.
func (w *way) storeCommand() string {
	switch a := w.account; a.Secret.Kind {
	case "file":
		return "(umask 077; cat > " + shell(a.Secret.Value) + ")"
	case "command", "credential":
		return w.edit(w.lineOf(a, "secret"))
	}
	return w.Call + " login " + shell(w.account.Name)
}

// fileCommand mends a password file.
func (w *way) fileCommand() string {
	path := w.account.Secret.Value
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && info.Size() == 0 && info.Mode().IsRegular():
		return "(umask 077; cat > " + shell(path) + ")"
	case err != nil, !info.Mode().IsRegular():
		return w.edit(w.lineOf(w.account, "secret"))
	}
	if owner, known := ownerOf(info); known && owner != 0 && owner != w.UID {
		return fmt.Sprintf("sudo chown %d %s", w.UID, shell(path))
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "chmod 600 " + shell(path)
	}
	return w.edit(w.lineOf(w.account, "secret"))
}

// fileInstead moves the account from the keyring to a file: the person types the
// password and ends with Ctrl-D.
func (w *way) fileInstead() string {
	path := strings.TrimSuffix(w.File, "mailcrane.toml") + w.account.Name + ".password"
	write := "(umask 077; cat > " + shell(path) + ")"
	if at := w.lineOf(w.account, "secret"); at != "" {
		return write + " && " + w.set(w.account, "secret", "file:"+path)
	}
	return write + fmt.Sprintf(` && sed -i '%sa secret = "file:%s"' %s`, w.lineOf(w.account, "smarthost"), path, shell(w.File))
}
