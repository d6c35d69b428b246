package config

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the reference page anew")

const intro = `# Options

Everything that can be set, in one table: by a key of the configuration file, by sendmail's name (` + "`-OName=value`" + `) or by
sendmail's letter (` + "`-oXvalue`" + `). What is given on the command line goes over the file for that run. ` + "`mailcrane config show`" + `
prints what is set here, and ` + "`mailcrane config explain NAME`" + ` what one option means and where it is set.

Times are digits and a unit of s, m, h, d, w, as in ` + "`2h30m`" + `; a number without a unit counts what stands in brackets.
"client" is about the session with the smarthost, "server" about the listeners that programs of this machine hand mail to,
"local" about this machine. Where sendmail has another default, it stands behind ours. Made from the table in
internal/config; write it with: go test ./internal/config -run Reference -update
`

// headings are those of the themes, in their order.
var headings = [...]string{
	"In general", "Submission", "The queue: tries and age", "The queue: order", "Load", "Hosts and sessions", "Reports",
	"Slow queues", "Timeouts", "Accounts", "Log-in with tokens", "The policy", "Content", "Aliases and local delivery", "Inbound SMTP",
	"Certificates", "The process and the machine", "Server mode", "Server mode: which files are safe", "Server mode: who may send, and relay",
	"Log-in at the server", "Certificates and TLS of the server",
	"Server mode: logs and metrics",
	"Server mode: names and block lists",
	"Server mode: SMTP",
	"Server mode: where mail goes",
	"Server mode: local delivery",
	"Server mode: aliases and .forward",
	"Server mode: mail exchangers",
	"Server mode: mail that is fetched",
	"Server mode: the name service",
}

// TestReferencePageIsThatOfTheTable makes docs/sendmail-options.md; with
// -update it writes it.
//
// Coverage: B23, B24, B27, B28, B30, B31, B33.
func TestReferencePageIsThatOfTheTable(t *testing.T) {
	const page = "../../docs/sendmail-options.md"
	var text, without strings.Builder
	text.WriteString(intro)
	for i, theme := range themes {
		obeyedRows, deadRows := rows(*theme)
		if obeyedRows != "" {
			fmt.Fprintf(&text, "\n## %s\n\n| sendmail | file | value | default | means | side |\n| --- | --- | --- | --- | --- | --- |\n%s", headings[i], obeyedRows)
		}
		if deadRows != "" {
			fmt.Fprintf(&without, "\n### %s\n\n| sendmail | in sendmail | here |\n| --- | --- | --- |\n%s", headings[i], deadRows)
		}
	}
	text.WriteString("\n## Taken, and without effect\n\nThese are accepted on the command line, so that nothing that calls sendmail breaks. Each says why it changes nothing.\n")
	text.WriteString(without.String())
	if *update {
		if err := os.WriteFile(page, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(kept), text.String()); diff != "" {
		t.Errorf("%s is not what the table says; write it with: go test ./internal/config -run Reference -update\n%s", page, diff)
	}
}

func rows(theme []Option) (obeyed, dead string) {
	for i := range theme {
		o := &theme[i]
		if !o.Obeyed() {
			dead += row(names(o), o.Meaning, o.Why)
			continue
		}
		value := o.Kind()
		if o.Unit != 0 {
			value += " (" + UnitName(o.Unit) + ")"
		}
		if least := o.LeastText(); least != "" && least != "0s" {
			value += ", at least " + least
		}
		standard := strings.Trim(o.Default(), `"`)
		if o.Theirs != "" {
			standard += "; sendmail " + o.Theirs
		}
		obeyed += row(names(o), code(o.Key), value, standard, o.Meaning, o.Side.String())
	}
	return obeyed, dead
}

func names(o *Option) string {
	text := code(o.Name)
	if o.Letter != 0 {
		text += ", " + code(string(rune(o.Letter)))
	}
	return text
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func row(cells ...string) string {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
		if c == "" {
			cells[i] = "-"
		}
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}
