package installer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// mark is the first line of every unit that we made, by which we know it.
const mark = `# Made by "mailcrane service install", which overwrites what is changed here.`

const unitName = Name + ".service"

// unit is the text of the systemd unit. It is handed to kardianos/service as a
// template, in which only {{ has a meaning; execStart sees to it that there is
// none.
func (o Options) unit() string {
	// The network is there until the agent has ended, so that it can end its
	// session with the smarthost. A user manager knows nothing of the network.
	edit, order, sandbox, target := "systemctl edit", "After=network.target\n", systemSandbox, "multi-user.target"
	if o.User {
		// It cannot set up mounts or namespaces where the kernel keeps those
		// from users, so nothing that needs any; and what the command of a
		// secret may need (gpg and its agent, say) is left alone.
		edit, order, sandbox, target = "systemctl --user edit", "", "", "default.target"
	}
	for _, name := range o.sockets() {
		order += "Wants=" + name + "\nAfter=" + name + "\n"
	}
	var needs strings.Builder
	for _, name := range o.sockets() {
		needs.WriteString("Sockets=" + name + "\n")
	}
	for _, c := range o.Needs.Credentials {
		needs.WriteString(c.line())
	}
	if o.Needs.Server.wanted() {
		needs.WriteString("# The configuration, the maps and the certificates are read anew; no client notices.\nExecReload=kill -HUP $MAINPID\n")
	}
	if !o.User {
		needs.WriteString(o.writable())
		if o.Needs.Server.LowPort {
			sandbox = strings.Replace(sandbox, noCapabilities, lowPorts, 1)
		}
	}
	return fmt.Sprintf(unitText, mark, edit, description, order, o.execStart(), needs.String(), sandbox, target)
}

const unitText = `%s
# To change a setting, type: %s mailcrane

[Unit]
Description=%s
%s# A program that cannot start is not started for ever.
StartLimitIntervalSec=60
StartLimitBurst=8

[Service]
Type=notify
ExecStart=%s
%sSyslogIdentifier=mailcrane
Restart=on-failure
RestartSec=5
# A wrong call or configuration, another agent (sysexits): no start mends that.
RestartPreventExitStatus=64 69 78
# The agent ends its children itself, and in time for a machine that shuts down.
KillMode=mixed
TimeoutStopSec=20
UMask=0077
# A core would hold passwords.
LimitCORE=0
NoNewPrivileges=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
%s
[Install]
WantedBy=%s
`

// PrivateUsers is missing on purpose: with it, every local user would look the
// same to the agent's socket.
const systemSandbox = `
# A user of its own, who stays the same as long as files are theirs.
User=mailcrane
Group=mailcrane
StateDirectory=mailcrane
StateDirectoryMode=0700
Environment=HOME=%S/mailcrane
WorkingDirectory=%S/mailcrane
` + noCapabilities + `ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateDevices=yes
DevicePolicy=closed
PrivateTmp=yes
RemoveIPC=yes
KeyringMode=private
MemoryDenyWriteExecute=yes
RestrictNamespaces=yes
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
`

const (
	noCapabilities = "CapabilityBoundingSet=\nAmbientCapabilities=\n"
	lowPorts       = "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"
)

// execStart is the command line in the syntax of systemd.service(5).
func (o Options) execStart() string {
	// A variable cannot stand in the program's path, so $ is itself there.
	words := []string{quote(o.Program, "$")}
	for _, a := range o.arguments() {
		words = append(words, quote(a, "$$"))
	}
	return strings.Join(words, " ")
}

// quote writes one word between double quotes. dollar is what a $ becomes.
func quote(word, dollar string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(word); {
		r, size := utf8.DecodeRuneInString(word[i:])
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '%': // a specifier
			b.WriteString("%%")
		case r == '$':
			b.WriteString(dollar)
		case r == utf8.RuneError && size == 1, // systemd ignores a line that is not UTF-8
			r < ' ', r == 0x7f,
			r == '{': // of the template
			fmt.Fprintf(&b, `\x%02x`, word[i])
		default:
			b.WriteRune(r)
		}
		i += size
	}
	b.WriteByte('"')
	return b.String()
}
