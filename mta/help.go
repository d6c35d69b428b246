package mta

import (
	"log/slog"
	"strings"

	"mailcrane/internal/logbook"
	"mailcrane/internal/visible"
	"mailcrane/mta/safefile"
)

// A help is the file of HELP in sendmail's form: each line is a topic, a tab and a
// line of the text for it; # begins a remark.
type help map[string][]string

// helpTopic is that of HELP without an argument.
const helpTopic = "smtp"

// mostHelp bounds the lines of one topic.
const mostHelp = 200

// openHelp reads the file of HELP, nil for none. Where it cannot be read, what HELP
// says is our own.
func (r *rules) openHelp(safe safefile.Rules, log *slog.Logger) {
	path := r.config.MTA.HelpFile
	if path == "" {
		return
	}
	text, err := safe.Text(safefile.Help, path)
	if err != nil {
		logbook.Line(log, logbook.Serious, "the help file is not used: "+err.Error(), slog.String("file", path))
		return
	}
	r.help = parseHelp(text)
}

func parseHelp(text string) help {
	h := make(help)
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		topic, words, ok := strings.Cut(line, "\t")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if topic = strings.ToLower(strings.TrimSpace(topic)); len(h[topic]) < mostHelp {
			h[topic] = append(h[topic], visible.Line(strings.TrimLeft(words, "\t"), 400))
		}
	}
	return h
}

// about is the text for a topic, false for one that there is none for.
func (h help) about(topic string) ([]string, bool) {
	if topic == "" {
		topic = helpTopic
	}
	lines, ok := h[strings.ToLower(topic)]
	return lines, ok
}
