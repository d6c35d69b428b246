package installer

import (
	"encoding/xml"
	"path/filepath"
	"strings"
)

// launchd is the property list of a LaunchAgent, or of the machine's LaunchDaemon
// (launchd.plist(5)). It stays although launchd could start it again when the
// queue is not empty (QueueDirectories): that knows no pattern, as the slow queues
// need, and would start an agent that holds mail for later again and again.
func (o Options) launchd(home string) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<!-- ` + strings.TrimPrefix(mark, "# ") + ` -->
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + Name + `</string>
	<key>ProgramArguments</key>
	<array>
`)
	for _, word := range append([]string{o.Program}, o.arguments()...) {
		b.WriteString("\t\t<string>" + plistText(word) + "</string>\n")
	}
	b.WriteString("\t</array>\n")
	log := filepath.Join(home, "Library/Logs/mailcrane.log")
	if !o.User {
		log = "/var/log/mailcrane.log"
		b.WriteString(`	<key>EnvironmentVariables</key>
	<dict>
		<key>HOME</key>
		<string>` + ServiceHome + `</string>
	</dict>
`)
	}
	b.WriteString(`	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ProcessType</key>
	<string>Background</string>
	<key>Umask</key>
	<integer>63</integer>
	<key>HardResourceLimits</key>
	<dict>
		<key>Core</key>
		<integer>0</integer>
	</dict>
	<key>StandardErrorPath</key>
	<string>` + plistText(log) + `</string>
</dict>
</plist>
`)
	return b.String()
}

// plistText is text that stands for itself, also in the template of
// kardianos/service, in which only {{ has a meaning.
func plistText(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return strings.ReplaceAll(b.String(), "{", "&#123;")
}
