package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// Coverage: B60, B61.
func TestTheLogObeysSendmailsLevels(t *testing.T) {
	for _, c := range []struct {
		level int
		want  string
	}{
		{0, "error"},
		{2, "error"},
		{3, "error warning"},
		{6, "error warning"},
		{7, "error warning failed"},
		{8, "error warning failed delivered"},
		{9, "error warning failed delivered deferred network"},
		{14, "error warning failed delivered deferred network"},
		{15, "error warning failed delivered deferred network line"},
		{99, "error warning failed delivered deferred network line"},
	} {
		var out bytes.Buffer
		a := &app{stderr: &out, getenv: func(string) string { return "x" }}
		log := a.log(c.level).With("kind", "x")
		log.Error("error")
		log.Warn("warning")
		log.Info("message failed")
		log.Info("message delivered")
		log.Info("message deferred")
		log.Info("network")
		log.Debug("line")
		var got []string
		for line := range strings.Lines(out.String()) {
			_, text, _ := strings.Cut(line, "msg=")
			text, _, _ = strings.Cut(text, " kind=x")
			got = append(got, strings.TrimPrefix(strings.Trim(text, `"`), "message "))
		}
		if said := strings.Join(got, " "); said != c.want {
			t.Errorf("at %d: %s, want %s", c.level, said, c.want)
		}
		if wants := log.Enabled(t.Context(), slog.LevelDebug); wants != (c.level >= 15) {
			t.Errorf("at %d the lines of the sessions are wanted: %v", c.level, wants)
		}
	}
}
