package maps

import (
	"net/url"
	"strings"
)

// Needs are what a setting takes from this machine, and how it can be asked.
type Needs struct {
	// Files are the text file, or the definition of a database and the files that it
	// names; Password is the one of them that a password is in, or "".
	Files    []string
	Password string
	// Credential is the one of the service that a database's password is in, or "".
	Credential string
	// Database is its kind, "" is a text file; Remote says that it is asked over the
	// network.
	Database string
	Remote   bool
}

// Needed is what a setting needs; of a definition that cannot be read, what is known
// without it.
func Needed(setting string, o Options) Needs {
	path, _ := Setting(setting)
	kind, file := kindOf(path)
	n := Needs{Files: []string{file}, Database: kind}
	if kind == "" {
		return n
	}
	in, err := o.Rules.Open(o.Kind, file)
	if err != nil {
		return n
	}
	defer in.Close()
	d, err := readDefinition(kind, file, in)
	if err != nil {
		return n
	}
	n.Remote = kind == postgresKind && !here(d.Host) || kind == ldapKind && !strings.HasPrefix(d.URL, "ldapi:") && !here(hostOf(d.URL))
	if kind == sqliteKind {
		n.Files = append(n.Files, d.Database)
	}
	if d.CA != "" {
		n.Files = append(n.Files, d.CA)
	}
	switch d.secret.Kind {
	case "file":
		n.Password = d.secret.Value
		n.Files = append(n.Files, n.Password)
	case "credential":
		n.Credential = d.secret.Value
	}
	return n
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
