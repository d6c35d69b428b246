package installer

import (
	"fmt"
	"strings"
)

const (
	ldaName       = Name + "-lda.service"
	ldaSocketName = Name + "-lda.socket"
	// ldaSocketPath is where the server asks the local delivery agent.
	ldaSocketPath = "/run/mailcrane/lda.sock"
)

// delivers says that there is a local delivery agent: for a server, which is no
// user that could write into the mailboxes of others.
func (o Options) delivers() bool { return !o.User && o.activates() && o.Needs.Server.wanted() }

// ldaSocket opens the socket of the local delivery agent, to the server alone.
func (o Options) ldaSocket() string {
	if !o.delivers() {
		return ""
	}
	return fmt.Sprintf(`%s

[Unit]
Description=mailcrane: delivery into the mailboxes of this machine

[Socket]
ListenStream=%s
SocketUser=root
SocketGroup=%s
SocketMode=0660
DirectoryMode=0755
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
`, mark, ldaSocketPath, Name)
}

// ldaUnit is the local delivery agent. It is root's, since it becomes each user; what
// it does not need of that is taken from it. It reads no configuration that the
// server could write.
func (o Options) ldaUnit() string {
	if !o.delivers() {
		return ""
	}
	words := []string{quote(o.Program, "$"), `"lda"`, `"--idle-exit"`, `"1m0s"`}
	if o.Config != "" {
		words = append(words, `"--config"`, quote(o.Config, "$$"))
	}
	return fmt.Sprintf(`%s
# To change a setting, type: systemctl edit mailcrane-lda

[Unit]
Description=mailcrane: local delivery agent

[Service]
ExecStart=%s
SyslogIdentifier=mailcrane
# Programs of users are told to stop, and given the time that a message needs.
TimeoutStopSec=60
UMask=0077
LimitCORE=0
NoNewPrivileges=no
# To become each user, and to see by whose rules a file is open to whom.
CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_CHOWN CAP_FOWNER CAP_KILL
ProtectSystem=no
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictRealtime=yes
`, mark, strings.Join(words, " "))
}
