package installer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// idleExit is how long the agent stays with nothing queued, where mail starts
// it again: long enough for a person who writes one message after the other,
// and for StartLimitBurst of the unit.
const idleExit = 30 * time.Second

// Needs is what the configuration asks of the service.
type Needs struct {
	// Spools are the queue directories.
	Spools []string
	// Listen are the submission listeners: "host:port" or "unix:/path".
	Listen []string
	// Server are the listeners of server mode: none where the service is the agent.
	Server Server
	// Socket and Drop are those of the machine's own agent ([system]); "" for none.
	Socket, Drop string
	// Credentials are what the service manager is to hand over.
	Credentials []Credential
}

// A Credential is a secret that systemd hands to the agent (systemd.exec(5),
// LoadCredential).
type Credential struct {
	Name string
	// File is where it is: encrypted by systemd-creds(1), or as it is.
	File      string
	Encrypted bool
}

// CredentialOf is where the credential of that name belongs: a plain file that
// is there, or else an encrypted one. home is that of a user's own service, ""
// for the machine's.
func CredentialOf(name, home string) Credential {
	plain := filepath.Join("/etc/mailcrane/credentials", name)
	if home != "" {
		// A user manager decrypts nothing before version 256 of systemd.
		return Credential{Name: name, File: filepath.Join(home, ".config/mailcrane/credentials", name)}
	}
	if isThere(plain) {
		return Credential{Name: name, File: plain}
	}
	return Credential{Name: name, File: encryptedStore + Name + "." + name, Encrypted: true}
}

// encryptedStore is where systemd itself looks for encrypted credentials that
// are named without a folder; one that is missing there does not keep the
// service from starting.
const encryptedStore = "/etc/credstore.encrypted/"

// Command is what puts the secret there, from standard input.
func (c Credential) Command() string {
	if c.Encrypted {
		return "systemd-creds encrypt --name=" + c.Name + " - " + c.File
	}
	return "install -m 600 /dev/stdin " + c.File
}

// line is its setting in the unit; "" where the file is missing and would keep
// the service from starting.
func (c Credential) line() string {
	if c.Encrypted {
		return "LoadCredentialEncrypted=" + c.Name + ":" + strings.TrimPrefix(c.File, encryptedStore) + "\n"
	}
	if !isThere(c.File) {
		return ""
	}
	return "LoadCredential=" + c.Name + ":" + specifiers(c.File) + "\n"
}

// starts says that units start the agent when mail comes, so that it may end. A
// server stays: its clients must not wait for the start of a process.
func (o Options) starts() bool { return !o.Needs.Server.wanted() && o.activates() }

// activates says that units can have the listeners: the queue is known, and the
// paths fit into a unit.
func (o Options) activates() bool {
	if o.Stay && !o.Needs.Server.wanted() || len(o.Needs.Spools) == 0 {
		return false
	}
	for _, path := range slices.Concat([]string{o.Needs.Drop, o.Needs.Socket}, o.Needs.Spools, o.Needs.Listen) {
		if strings.ContainsFunc(path, unfitForSystemd) || strings.ContainsAny(path, "*?[{") || path != strings.TrimSpace(path) {
			return false
		}
	}
	return true
}

// specifiers has a percent sign stand for itself (systemd.unit(5)).
func specifiers(path string) string { return strings.ReplaceAll(path, "%", "%%") }

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
