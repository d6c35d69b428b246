package installer

import (
	"fmt"
	"path/filepath"
	"strings"

	"mailcrane/msp/drop"
)

// A companion is a file beside the service's unit. One without text is not
// wanted.
type companion struct {
	name string // of the file, and of the unit if it is one
	dir  string // "" is the folder of the units
	text string
	// asked: systemd starts it when another unit wants it, and not before.
	asked bool
}

const (
	pathName   = Name + ".path"
	socketName = Name + ".socket"
	submitName = Name + "-submit.socket"
)

// account is the user that the machine's service runs as (sysusers.d(5)).
const account = "u " + Name + ` - "mailcrane keeps and sends mail" /var/lib/` + Name

// isUnit says that systemctl knows it.
func (c companion) isUnit() bool { return c.dir == "" }

// companions are all that there can be, wanted or not.
func (o Options) companions() []companion {
	all := []companion{
		{name: pathName, text: o.pathUnit()},
		{name: socketName, text: o.socketUnit()},
		{name: submitName, text: o.submitUnit()},
		{name: serverName, text: o.serverUnit(hosts)},
		{name: serverAnyName, text: o.serverUnit(noHosts)},
		{name: ldaSocketName, text: o.ldaSocket()},
		{name: ldaName, text: o.ldaUnit(), asked: true},
	}
	if o.User {
		return all
	}
	return append(all, companion{name: Name + ".conf", dir: "/etc/tmpfiles.d", text: o.tmpfiles()})
}

// sockets are the socket units that are wanted.
func (o Options) sockets() []string {
	var names []string
	for _, c := range o.companions() {
		if strings.HasSuffix(c.name, ".socket") && c.name != ldaSocketName && c.text != "" {
			names = append(names, c.name)
		}
	}
	return names
}

// pathUnit starts the agent whenever something stands in the queue: also when
// the agent has just ended, since systemd looks again then. No clock is in it.
func (o Options) pathUnit() string {
	if !o.starts() {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n[Unit]\nDescription=mailcrane: mail that waits in the queue\n\n[Path]\n", mark)
	for _, dir := range o.Needs.Spools {
		fmt.Fprintf(&b, "DirectoryNotEmpty=%s\n", specifiers(filepath.Join(dir, "queue")))
		fmt.Fprintf(&b, "PathExistsGlob=%s\n", specifiers(filepath.Join(dir, "slow/*/*")))
	}
	if o.Needs.Drop != "" && !o.User {
		// Not what is still written, or was set aside: that would start an agent
		// that has nothing to do, again and again.
		fmt.Fprintf(&b, "PathExistsGlob=%s\n", specifiers(filepath.Join(o.Needs.Drop, "*"+drop.Whole)))
	}
	b.WriteString("\n[Install]\nWantedBy=paths.target\n")
	return b.String()
}

// socketUnit opens the submission listeners of [listen].
func (o Options) socketUnit() string {
	if !o.activates() || len(o.Needs.Listen) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n[Unit]\nDescription=mailcrane: submission by SMTP\n\n[Socket]\n", mark)
	for _, address := range o.Needs.Listen {
		fmt.Fprintf(&b, "ListenStream=%s\n", specifiers(strings.TrimPrefix(address, "unix:")))
	}
	b.WriteString("SocketMode=0600\nDirectoryMode=0700\nRemoveOnStop=yes\n")
	if !o.User {
		fmt.Fprintf(&b, "SocketUser=%s\nSocketGroup=%s\n", Name, Name)
	}
	b.WriteString("\n[Install]\nWantedBy=sockets.target\n")
	return b.String()
}

// submitUnit opens the socket for all users of the machine; the agent asks the
// kernel who each of them is.
func (o Options) submitUnit() string {
	if o.User || !o.activates() || o.Needs.Socket == "" {
		return ""
	}
	return fmt.Sprintf(`%s

[Unit]
Description=mailcrane: submission by the users of this machine

[Socket]
ListenStream=%s
Service=%s
SocketMode=0666
DirectoryMode=0755
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
`, mark, specifiers(o.Needs.Socket), unitName)
}

// tmpfiles makes the queue and the drop directory of the machine's own agent
// (tmpfiles.d(5)). Of the drop directory, the sticky bit keeps users from each
// other's files, and the set-group-ID bit of a directory gives the agent's
// group to what is dropped, without any program that has a set ID.
func (o Options) tmpfiles() string {
	if o.User || o.Needs.Drop == "" && o.Needs.Socket == "" && !o.Needs.Server.wanted() {
		return ""
	}
	var b strings.Builder
	b.WriteString(mark + "\n")
	for _, d := range o.directories() {
		fmt.Fprintf(&b, "d %s %04o %s %s\n", quote(d.path, "$"), d.mode, d.owner, d.owner)
	}
	return b.String()
}

// A directory is one that the machine's service needs, beside its home.
type directory struct {
	path  string
	mode  uint32 // as of chmod(2)
	owner string // user and group
}

func (o Options) directories() []directory {
	var all []directory
	made := map[string]bool{"/": true, "/var": true, "/var/spool": true, "/var/lib": true, "/var/lib/" + Name: true}
	add := func(path string, mode uint32, owner string) {
		if !made[path] {
			made[path] = true
			all = append(all, directory{path, mode, owner})
		}
	}
	for _, dir := range o.Needs.Spools {
		add(filepath.Dir(dir), 0o755, "root")
		add(dir, 0o700, Name)
	}
	if o.Needs.Drop != "" {
		add(filepath.Dir(o.Needs.Drop), 0o755, "root")
		add(o.Needs.Drop, 0o3733, Name)
	}
	return all
}

// writable are the places that the sandbox of the machine's service has to
// leave open.
func (o Options) writable() string {
	var b strings.Builder
	dirs := o.Needs.Spools
	if o.Needs.Drop != "" {
		dirs = append(dirs[:len(dirs):len(dirs)], o.Needs.Drop)
	}
	for _, dir := range dirs {
		if !strings.HasPrefix(dir, "/var/lib/"+Name+"/") {
			// One that is missing is the agent's to complain of, in words.
			fmt.Fprintf(&b, "ReadWritePaths=%s\n", quote("-"+dir, "$"))
		}
	}
	return b.String()
}
