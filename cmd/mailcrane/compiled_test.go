package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestTheProgramHasWhatSendmailSaysItIsCompiledWith holds what -d0.1 lists to
// what is linked.
//
// Coverage: A22.
func TestTheProgramHasWhatSendmailSaysItIsCompiledWith(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go tool is not installed")
	}
	deps, err := exec.Command(goTool, "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := exec.Command(goTool, "list", "-f", "{{.Dir}}", "mailcrane/msp").Output()
	if err != nil {
		t.Fatal(err)
	}
	sendmail := exec.Command(goTool, "run", "mailcrane/cmd/sendmail", "-d0.1", "-bC")
	sendmail.Dir = strings.TrimSpace(string(source))
	said, err := sendmail.Output()
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(said), "Compiled with: ")
	if !found {
		t.Fatalf("it says %q", said)
	}
	linked := strings.Fields(string(deps))
	evidence := map[string]string{
		"DNSMAP": "mailcrane/mta/dnsbl", "LOG": "log/slog", "MIME8TO7": "mailcrane/internal/recode", "NAMED_BIND": "github.com/miekg/dns",
		"NETINET": "net", "NETINET6": "net", "NETUNIX": "mailcrane/internal/socket", "PIPELINING": "mailcrane/mta/smtpd",
		"SASL": "github.com/emersion/go-sasl", "STARTTLS": "crypto/tls", "USE_EAI": "mailcrane/mta/smtpd",
	}
	words := strings.Fields(text)
	for _, word := range words {
		if !slices.Contains(linked, evidence[word]) {
			t.Errorf("%s is listed, and nothing of it is linked", word)
		}
	}
	for word := range evidence {
		if !slices.Contains(words, word) {
			t.Errorf("%s is not listed", word)
		}
	}
}
