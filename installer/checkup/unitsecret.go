package checkup

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"mailcrane/internal/sysexits"
)

const (
	// encrypted is the systemd from which a service of the machine may have
	// encrypted credentials, and encryptedUser a user's (its NEWS file).
	encrypted     = 250
	encryptedUser = 256
)

// unitSecret says whether the service, as it is installed, gets the account's
// secret: it runs without the session of a person.
func (w *way) unitSecret(ctx context.Context) {
	a := w.account
	if w.unit == nil || a.Auth == "none" || a.Auth == "external" {
		return
	}
	switch {
	case a.Secret.Kind == "keyring":
		w.unitKeyring()
	case a.Secret.Kind == "credential":
		w.unitCredential(ctx)
	case a.Secret.Kind == "file":
		w.unitFileSecret(ctx)
	case a.Secret.Kind == "command":
		w.unitCommand()
	}
}

// unitKeyring: a keyring is of a session, and is opened by the log-in.
func (w *way) unitKeyring() {
	f := Finding{ID: "service-keyring"}
	f.Mend, f.Command = w.otherSource()
	switch {
	case w.unit.system:
		f.State, f.Code = Broken, sysexits.Config
		f.What = fmt.Sprintf("the password of account %s is in a keyring, and the machine's service has none", w.account.Name)
		f.Why = "a keyring belongs to the session of a person"
	case w.unit.lingers:
		f.State = Warning
		f.What = fmt.Sprintf("before you log in, the service cannot read the password of account %s", w.account.Name)
		f.Why = "the service starts with the machine (linger), and the keyring is opened when you log in: mail waits until then"
	default:
		w.tell(Finding{ID: "service-keyring", State: OK, What: "the service runs in your session, with your keyring"})
		return
	}
	w.tell(f)
}

// otherSource is how the secret is given to the service where its source cannot
// be reached: the best that this systemd can do.
func (w *way) otherSource() (mend, command string) {
	a := w.account
	name := "mailcrane-" + a.Name
	setting := w.setSecret("credential:" + name)
	switch {
	case a.OAuth.Used():
		path := w.ownGrant()
		if w.unit.system {
			path = "/var/lib/" + owner + "/login." + a.Name // its state directory, which it may write
		}
		return "keep the log-in in a file that the service may replace, and log in", w.grantInstead(path) + " && " + w.systemctlLine("restart mailcrane")
	case w.unit.system && w.unit.version >= encrypted:
		return fmt.Sprintf("encrypt it for this machine, give it to the unit, and write secret = %q", "credential:"+name),
			w.sudoShell(w.encrypt(name)+" && "+w.giveUnit("LoadCredentialEncrypted", name)+" && "+setting) + " && " + w.systemctlLine("restart mailcrane")
	case w.unit.system:
		file := "/etc/mailcrane/" + a.Name + ".password"
		return "write it into a file of root's, give that to the unit, and write secret = \"credential:" + name + "\"",
			w.sudoShell(fmt.Sprintf("(umask 077; cat > %s) && %s && %s", shell(file), w.giveUnit("LoadCredential", name+":"+file), setting)) + " && " + w.systemctlLine("restart mailcrane")
	}
	return "keep it in a file that only you can read; type the password, then Ctrl-D",
		w.fileInstead() + " && " + w.systemctlLine("restart mailcrane")
}

// credentialFile is where the credential is kept, encrypted.
func credentialFile(name string) string { return "/etc/credstore.encrypted/" + name }

// encrypt reads the password from the terminal, or a pipe, and keeps it.
func (w *way) encrypt(name string) string {
	return fmt.Sprintf("install -d -m 700 /etc/credstore.encrypted && systemd-ask-password -n | systemd-creds encrypt --name=%s - %s", shell(name), shell(credentialFile(name)))
}

// giveUnit adds a credential to the unit and has systemd read it.
func (w *way) giveUnit(directive, value string) string {
	if directive == "LoadCredentialEncrypted" {
		value += ":" + credentialFile(value)
	}
	dir, reload := "/etc/systemd/system/mailcrane.service.d", "systemctl daemon-reload"
	if !w.unit.system {
		dir, reload = "~/.config/systemd/user/mailcrane.service.d", "systemctl --user daemon-reload"
	} else if w.UID != 0 {
		reload = "systemctl daemon-reload"
	}
	file := dir + "/secret-" + w.account.Name + ".conf"
	return fmt.Sprintf(`mkdir -p %s && printf '[Service]\n%s=%s\n' > %s && %s`, dir, directive, value, file, reload)
}

// A loaded credential is a line of LoadCredential= or LoadCredentialEncrypted=.
type loaded struct {
	name, path string
	encrypted  bool
	// inUnit: it stands in the unit itself, or is looked for by systemd alone.
	inUnit bool
}

// credentialsIn are those that the text of a unit, with its drop-ins, loads. It is
// read because systemctl show does not print them. An empty value forgets those
// before it (systemd.exec(5)).
func credentialsIn(text string) []loaded {
	var all []loaded
	for entry := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(entry), "=")
		secured := key == "LoadCredentialEncrypted"
		switch key {
		case "LoadCredential", "LoadCredentialEncrypted":
		case "SetCredential", "SetCredentialEncrypted", "ImportCredential":
			name, _, _ := strings.Cut(value, ":")
			all = append(all, loaded{name: name, inUnit: true})
			continue
		default:
			continue
		}
		if value == "" {
			all = slices.DeleteFunc(all, func(l loaded) bool { return l.encrypted == secured })
			continue
		}
		name, path, _ := strings.Cut(value, ":")
		if path == "" {
			path = name
		}
		all = append(all, loaded{name: name, path: path, encrypted: secured})
	}
	return all
}

// unitCredential: the unit that is really installed must load it.
func (w *way) unitCredential(ctx context.Context) {
	name := w.account.Secret.Value
	f := Finding{ID: "service-credential", State: Broken, Code: sysexits.Config}
	all := w.unit.credentials
	i := slices.IndexFunc(all, func(l loaded) bool { return l.name == name })
	if i < 0 {
		f.What = fmt.Sprintf("the unit does not load the credential %s, which account %s wants", name, w.account.Name)
		f.Why = "without LoadCredential=, or LoadCredentialEncrypted=, systemd gives the service none"
		f.Mend, f.Command = w.loadIt(name)
		w.tell(f)
		return
	}
	it := all[i]
	path := w.credentialPath(it)
	info, err := os.Stat(filepath.Join(w.Root, path))
	switch {
	case path != "" && os.IsNotExist(err):
		f.What = fmt.Sprintf("the file of the credential %s, %s, is not there", name, path)
		f.Why = "without it the service does not start, or starts without the password"
		if it.encrypted {
			f.Command = w.sudoShell(fmt.Sprintf("systemd-ask-password -n | systemd-creds encrypt --name=%s - %s", shell(name), shell(path)))
		} else {
			f.Command = w.sudoShell("(umask 077; cat > " + shell(path) + ")")
		}
	case it.encrypted && !w.unit.system && w.unit.version > 0 && w.unit.version < encryptedUser:
		f.What = fmt.Sprintf("this systemd (%d) gives a user's service no encrypted credentials", w.unit.version)
		f.Why = fmt.Sprintf("that begins with version %d", encryptedUser)
		f.Mend, f.Command = w.otherSource()
	case it.encrypted && w.unit.system && w.UID == 0 && path != "" && !w.decrypts(ctx, it.name, path):
		f.What = fmt.Sprintf("the credential %s in %s cannot be decrypted here", name, path)
		f.Why = "it was encrypted on another machine, under another name, or is damaged: the service does not start"
		f.Command = w.sudoShell(fmt.Sprintf("systemd-ask-password -n | systemd-creds encrypt --name=%s - %s", shell(name), shell(path)))
	case path != "" && err == nil && !it.encrypted && info.Mode().Perm()&0o077 != 0:
		f.State, f.Code = Warning, 0
		f.What = fmt.Sprintf("the file of the credential %s, %s, can be read or changed by others (mode %04o)", name, path, info.Mode().Perm())
		f.Why = "it is the password of account " + w.account.Name
		if f.Command = "chmod 600 " + shell(path); w.unit.system {
			f.Command = w.sudo(f.Command)
		}
	default:
		w.tell(Finding{ID: "service-credential", State: OK, What: "the unit loads the credential " + name})
		return
	}
	w.tell(f)
}

// credentialPath is the file of a credential: one without a folder is looked for in
// the stores (systemd.exec(5)); "" where it cannot be told.
func (w *way) credentialPath(it loaded) string {
	path := strings.ReplaceAll(it.path, "%%", "\x00")
	switch {
	case it.inUnit, strings.Contains(path, "%"): // a specifier
		return ""
	case filepath.IsAbs(path):
		return strings.ReplaceAll(path, "\x00", "%")
	case !w.unit.system || w.UID != 0: // the stores are root's
		return ""
	}
	path = strings.ReplaceAll(path, "\x00", "%")
	stores := []string{"/etc/credstore", "/run/credstore", "/usr/lib/credstore", "/usr/local/lib/credstore"}
	if it.encrypted {
		for _, store := range slices.Clone(stores) {
			stores = slices.Insert(stores, 0, store+".encrypted")
		}
	}
	for _, store := range stores {
		if _, err := os.Stat(filepath.Join(w.Root, store, path)); err == nil {
			return filepath.Join(store, path)
		}
	}
	if it.encrypted {
		return filepath.Join("/etc/credstore.encrypted", path)
	}
	return filepath.Join(stores[0], path)
}

// loadIt is how a unit is given a credential that it lacks.
func (w *way) loadIt(name string) (mend, command string) {
	switch {
	case w.unit.system && w.unit.version >= encrypted:
		return "encrypt the password for this machine, and give it to the unit",
			w.sudoShell(w.encrypt(name)+" && "+w.giveUnit("LoadCredentialEncrypted", name)) + " && " + w.systemctlLine("restart mailcrane")
	case w.unit.system:
		file := "/etc/mailcrane/" + w.account.Name + ".password"
		return "write the password into a file of root's, and give it to the unit",
			w.sudoShell("(umask 077; cat > "+shell(file)+") && "+w.giveUnit("LoadCredential", name+":"+file)) + " && " + w.systemctlLine("restart mailcrane")
	}
	file := strings.TrimSuffix(w.File, "mailcrane.toml") + w.account.Name + ".password"
	return "write the password into a file that only you can read, and give it to the unit",
		"(umask 077; cat > " + shell(file) + ") && " + w.giveUnit("LoadCredential", name+":"+file) + " && " + w.systemctlLine("restart mailcrane")
}

// decrypts has systemd try. What it prints is not looked at.
func (w *way) decrypts(ctx context.Context, name, path string) bool {
	_, err := w.Exec(ctx, "sh", "-c", `systemd-creds decrypt --name="$1" "$2" - >/dev/null`, "sh", name, path)
	return err == nil
}

// unitFileSecret: the file must be there for the user of the service, and be seen
// from its sandbox.
func (w *way) unitFileSecret(ctx context.Context) {
	path := w.account.Secret.Value
	f := Finding{ID: "service-file", State: Broken, Code: sysexits.NoPerm}
	info, err := os.Stat(filepath.Join(w.Root, path))
	runsAs := w.serviceUser()
	switch {
	case !w.unit.system:
		w.tell(Finding{ID: "service-file", State: OK, What: "the service runs as you, and reads the file as you do"})
		return
	case w.hides(path):
		f.What = fmt.Sprintf("the service cannot see %s: its sandbox hides that folder", path)
		f.Why = "what a user may change is not to speak for the machine (ProtectHome, PrivateTmp)"
	case w.account.OAuth.Used() && !w.writes(path):
		f.What = fmt.Sprintf("the service may not replace %s, in which the log-in is kept", path)
		f.Why = "the issuer may replace the log-in at every use, and its sandbox lets the service write in few places only (ProtectSystem)"
	case err != nil && w.account.OAuth.Used() && os.IsNotExist(err):
		return // that nobody has logged in was said
	case err != nil:
		f.What = fmt.Sprintf("the password file %s cannot be looked at: %v", path, reason(err))
		f.Why = "the service cannot read it either, unless it may more than you"
	case w.unit.property["DynamicUser"] == "yes" && runsAs == nil:
		f.What = fmt.Sprintf("the service runs as a user that exists only while it runs, to whom %s cannot belong", path)
		f.Why = "a password file must belong to who reads it"
	case runsAs != nil && !ownedBy(info, runsAs):
		f.What = fmt.Sprintf("the password file %s does not belong to %s, as whom the service runs", path, runsAs.Username)
		f.Why = "the service cannot read it"
		f.Command = w.sudoShell(fmt.Sprintf("chown %s %s && chmod 600 %s", runsAs.Username, shell(path), shell(path)))
		w.tell(f)
		return
	case info.Mode().Perm()&0o077 != 0:
		f.What = fmt.Sprintf("the password file %s can be read by others (mode %04o)", path, info.Mode().Perm())
		f.Why = "the service refuses it"
		f.Command = w.sudo("chmod 600 " + shell(path))
		w.tell(f)
		return
	case !w.reads(ctx, runsAs, path):
		f.What = fmt.Sprintf("%s may not get to %s, as a folder above it keeps others out", runsAs.Username, path)
		f.Why = "the service, which runs as that user, cannot read it"
		f.Command = "namei -l " + shell(path)
		w.tell(f)
		return
	default:
		w.tell(Finding{ID: "service-file", State: OK, What: "the service can read " + path})
		return
	}
	f.Mend, f.Command = w.otherSource()
	w.tell(f)
}

// reads says whether that user gets to the file; where nobody can tell, it does.
func (w *way) reads(ctx context.Context, u *user.User, path string) bool {
	if w.UID != 0 || u == nil || u.Uid == "0" || w.Root != "" {
		return true
	}
	if _, err := w.Exec(ctx, "runuser", "-u", u.Username, "--", "true"); err != nil {
		return true
	}
	_, err := w.Exec(ctx, "runuser", "-u", u.Username, "--", "test", "-r", path)
	return err == nil
}

// writes says whether the sandbox lets the service make a file in the folder of path.
func (w *way) writes(path string) bool {
	if w.unit.property["ProtectSystem"] != "strict" {
		return true
	}
	open := []string{"/var/lib/" + owner}
	for _, dir := range strings.Fields(w.unit.property["ReadWritePaths"]) {
		open = append(open, strings.TrimPrefix(dir, "-"))
	}
	return slices.ContainsFunc(open, func(dir string) bool { return strings.HasPrefix(filepath.Clean(path), filepath.Clean(dir)+"/") })
}

// hides says that the sandbox keeps the path from the service (systemd.exec(5)).
func (c *checker) hides(path string) bool {
	var folders []string
	if p := c.unit.property["ProtectHome"]; p == "yes" || p == "tmpfs" {
		folders = append(folders, "/home/", "/root/", "/run/user/")
	}
	if c.unit.property["PrivateTmp"] == "yes" {
		folders = append(folders, "/tmp/", "/var/tmp/")
	}
	return slices.ContainsFunc(folders, func(folder string) bool { return strings.HasPrefix(filepath.Clean(path)+"/", folder) })
}

// unitCommand: a command may want a terminal or an agent that the service has not.
func (w *way) unitCommand() {
	first, _, _ := strings.Cut(strings.TrimSpace(w.account.Secret.Value), " ")
	asks := slices.Contains([]string{"gpg", "gpg2", "pass", "gopass", "op", "bw", "rbw", "keepassxc-cli", "secret-tool", "systemd-ask-password"}, filepath.Base(first))
	f := Finding{ID: "service-command", State: Warning}
	switch {
	case asks && (w.unit.system || w.unit.lingers):
		f.What = fmt.Sprintf("the password command of account %s (%s) may want to ask a person something", w.account.Name, filepath.Base(first))
		f.Why = "the service has no terminal and no desktop"
		f.Mend, f.Command = w.otherSource()
	case w.unit.system && w.hides(first):
		f.State, f.Code = Broken, sysexits.OSFile
		f.What = fmt.Sprintf("the service cannot see the program of the password command of account %s: its sandbox hides that folder", w.account.Name)
		f.Why = "what a user may change is not to speak for the machine (ProtectHome, PrivateTmp)"
		f.Mend, f.Command = w.otherSource()
	default:
		w.tell(Finding{ID: "service-command", State: OK, What: "the password command needs nobody to ask, as far as can be seen"})
		return
	}
	w.tell(f)
}
