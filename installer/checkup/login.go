package checkup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/smarthost/oauth"
	"mailcrane/smarthost/relay"
	"mailcrane/smarthost/secret"
)

// mostSenders bounds how many senders of an account the server is asked about.
const mostSenders = 5

// login logs in, once: a server that is sent a wrong password again and again locks
// the account. In the same session it is asked about each address in from.
func (w *way) login(ctx context.Context) {
	a := w.account
	if w.unit != nil && w.unit.system && a.Secret.Kind == "keyring" && a.Auth != "none" && a.Auth != "external" {
		return // it has no keyring, which is told where its secret is looked at
	}
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
	if _, ok := errors.AsType[*relay.Refused](fault.Err); ok && a.OAuth.Used() {
		w.tell(Finding{
			ID: "login-refused", State: Broken, Code: sysexits.NoPerm, What: line(fault.Sentence()),
			Why:     "the issuer has given a token, and the server does not take it: it may be another user's than " + a.User + ", or this mailbox may not send by SMTP",
			Mend:    "log in as that user; if it is the same again, have the provider allow SMTP for the mailbox, and the scope for mail to oauth.client_id",
			Command: w.loginCall(),
		})
		return
	}
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
	if a.Auth == "none" || a.Auth == "external" || a.Secret.Kind == "command" || a.Secret.Kind == "credential" {
		return
	}
	if a.OAuth.Used() {
		w.grantHere(ctx)
		return
	}
	if _, err := secret.New(a, w.Getenv).Read(ctx); err != nil {
		w.noSecret(err)
		return
	}
	w.tell(Finding{ID: "secret", State: OK, What: "the password is there (" + a.Secret.Kind + ")"})
}

// grantHere asks whether somebody has logged in, without asking the issuer.
func (w *way) grantHere(ctx context.Context) {
	switch _, err := secret.Grant(w.account, w.Getenv).Read(ctx); {
	case errors.Is(err, secret.ErrNotFound):
		w.noSecret(fmt.Errorf("%w with account %s", oauth.ErrNotLoggedIn, w.account.Name))
	case err != nil:
		w.noSecret(err)
	default:
		w.tell(Finding{ID: "secret", State: OK, What: "the log-in is there (" + w.account.Secret.Kind + ")"})
	}
}

// loginEnds warns ahead of the end of a log-in with tokens.
func (w *way) loginEnds() {
	s := oauth.Look(w.Spool, w.account)
	if !s.EndsSoon(w.Now()) || !s.Ends.After(w.Now()) { // that it has ended is the issuer's to say
		return
	}
	w.tell(Finding{
		ID: "login-ending", State: Warning, What: "the issuer of tokens takes this log-in until " + day(s.Ends),
		Why: "after that mail waits until you log in again", Command: w.loginCall(),
	})
}

// loginCall is what a person types to log in. The machine's own log-in is root's
// to renew.
func (w *way) loginCall() string {
	call := w.Call + " login " + shell(w.account.Name)
	if w.System {
		return w.sudo(call)
	}
	return call
}

// noSecret says why the source gave none.
func (w *way) noSecret(err error) {
	f := Finding{ID: "secret", State: Broken, Code: sysexits.Code(err), What: line(err.Error()), Why: "without the password nobody logs in, and mail waits", Mend: line(sysexits.Hint(err))}
	a := w.account
	switch {
	case errors.Is(err, oauth.ErrNotLoggedIn):
		f.ID, f.Code, f.Why, f.Mend, f.Command = "login-missing", sysexits.NoPerm, "without a log-in there is no token, and mail waits", "", w.loginCall()
	case errors.Is(err, oauth.ErrEnded):
		f.ID, f.Why, f.Mend, f.Command = "login-ended", "the issuer was asked for a token, and gives none any more; mail waits", "", w.loginCall()
	case errors.Is(err, oauth.ErrClient):
		f.ID, f.Why, f.Command = "oauth-client", "the issuer wants to know which program asks for the token", w.edit(w.lineOf(a, "oauth.client_id"))
	case errors.Is(err, secret.ErrLocked):
		f.ID, f.Command = "keyring-locked", fmt.Sprintf("secret-tool lookup service %s username %s >/dev/null", secret.Service, shell(secret.KeyringUser(a)))
	case errors.Is(err, secret.ErrNotFound):
		f.ID, f.Command = "keyring-empty", w.loginCall()
	case a.OAuth.Used() && (errors.Is(err, secret.ErrNoBus) || errors.Is(err, secret.ErrNoService)):
		f.ID, f.Command = "no-keyring", w.grantInstead(w.ownGrant())
		f.Mend = "log in to the desktop, whose keyring it is; or keep the log-in in a file that only you can read, and log in, with the command"
	case a.OAuth.Used():
		f.ID, f.Why = "login", "without a token nobody logs in, and mail waits"
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
	return w.loginCall()
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
	if owner, known := ownerOf(info); known && owner != 0 && owner != w.UID && w.UID != 0 {
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
	return write + " && " + w.setSecret("file:"+path)
}

// setSecret is a command that has the account's secret be at another place.
func (w *way) setSecret(value string) string {
	if w.lineOf(w.account, "secret") != "" {
		return w.set(w.account, "secret", value)
	}
	return fmt.Sprintf(`sed -i '%sa secret = "%s"' %s`, w.lineOf(w.account, "smarthost"), value, shell(w.File))
}

// ownGrant is a file beside the configuration for what an issuer gives.
func (w *way) ownGrant() string {
	return filepath.Join(filepath.Dir(w.File), "login."+w.account.Name)
}

// grantInstead keeps the log-in with tokens in that file, which mailcrane writes
// anew whenever the issuer replaces it, and has a person log in.
func (w *way) grantInstead(path string) string {
	setting := w.setSecret("file:" + path)
	if w.System {
		setting = w.sudo(setting)
	}
	return setting + " && " + w.loginCall()
}
