package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/queue"
)

// Reports of each kind pass real servers, octet for octet: also those on
// addresses and messages beyond ASCII, to a mailbox that can be told so and to
// one that cannot.
func TestReportsPassRealServersAsTheyAre(t *testing.T) {
	const plain = "From: me@example.test\nSubject: lunch\nMessage-ID: <lunch@example.test>\n\nAt noon?\n.\nFrom here.\n"
	const eightBit = "From: me@example.test\nSubject: Grüße\n\nUm zwölf?\n"
	bob := []queue.ReportedRecipient{{
		Address: "bob@example.test", ORcpt: "rfc822;bob", Host: "192.0.2.1", Reply: queue.Reply{Code: 550, Enhanced: "5.1.1", Text: "no such user"}, Last: time.Now(),
	}}
	greek := []queue.ReportedRecipient{{Address: "δοκιμή@example.test", Reply: queue.Reply{Code: 550, Enhanced: "5.1.1", Text: "άγνωστος"}}}
	for _, c := range []struct {
		name   string
		to     string // before the tag
		report queue.Report
		text   string
	}{
		{"failure", "me", queue.Report{Kind: queue.FailureReport, Recipients: bob}, plain},
		{"failure-8bit", "me", queue.Report{Kind: queue.FailureReport, Recipients: bob}, eightBit},
		{"header-only", "me", queue.Report{Kind: queue.FailureReport, Recipients: bob, HeaderOnly: true}, eightBit},
		{"warning", "me", queue.Report{Kind: queue.DelayWarning, Recipients: bob, After: 4 * time.Hour, Until: time.Now(), HeaderOnly: true}, plain},
		{"receipt", "me", queue.Report{Kind: queue.Receipt, Recipients: bob, HeaderOnly: true}, plain},
		{"postmaster", "me", queue.Report{Kind: queue.PostmasterCopy, Recipients: bob, HeaderOnly: true}, plain},
		{"downgraded", "me", queue.Report{Kind: queue.FailureReport, Recipients: greek, UTF8: true}, eightBit},
		{"downgraded-header", "me", queue.Report{Kind: queue.FailureReport, Recipients: greek, UTF8: true, HeaderOnly: true}, eightBit},
		{"global", "grå", queue.Report{Kind: queue.FailureReport, Recipients: greek, UTF8: true}, eightBit},
		{"global-header", "grå", queue.Report{Kind: queue.DelayWarning, Recipients: greek, UTF8: true, HeaderOnly: true}, eightBit},
	} {
		for _, server := range smarthostCases()[:3] {
			if strings.HasPrefix(server.name, "Exim") && c.to != "me" {
				continue // it does not know SMTPUTF8
			}
			t.Run(c.name+"/"+server.name, func(t *testing.T) {
				t.Parallel()
				h := newHome(t, server, "")
				report := c.report
				report.To, report.From, report.Hostname, report.At = h.box.Address(c.to), h.me, "localhost.localdomain", time.Now()
				report.EnvID, report.Original = "q+2B1", strings.NewReader(c.text)
				text, err := io.ReadAll(report.Message())
				if err != nil {
					t.Fatal(err)
				}
				spool := queue.NewSpool(filepath.Join(h.dir, "spool"), queue.OS{}, time.Now)
				if _, err := spool.Put(t.Context(), report.Envelope(), strings.NewReader(string(text))); err != nil {
					t.Fatal(err)
				}
				if said := h.run(nil, "mailcrane", "flush"); !strings.Contains(said, "1 delivered") {
					t.Errorf("flush says %s", said)
				}
				got := h.box.Wait(report.To)
				if string(got.Sent) != string(text) || got.From != "" {
					t.Errorf("from <%s> arrived\n%s\nwant\n%s", got.From, got.Sent, text)
				}
			})
		}
	}
}
