package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/queue"
	"mailcrane/queue/dsn"
)

// Reports of each kind pass real servers, octet for octet: also those on
// addresses and messages beyond ASCII, to a mailbox that can be told so and to
// one that cannot.
//
// Coverage: X3.
func TestReportsPassRealServersAsTheyAre(t *testing.T) {
	const plain = "From: me@example.test\nSubject: lunch\nMessage-ID: <lunch@example.test>\n\nAt noon?\n.\nFrom here.\n"
	const eightBit = "From: me@example.test\nSubject: Grüße\n\nUm zwölf?\n"
	bob := []dsn.Recipient{{
		Address: "bob@example.test", ORcpt: "rfc822;bob", Host: "192.0.2.1", Reply: dsn.Reply{Code: 550, Enhanced: "5.1.1", Text: "no such user"}, Last: time.Now(),
	}}
	greek := []dsn.Recipient{{Address: "δοκιμή@example.test", Reply: dsn.Reply{Code: 550, Enhanced: "5.1.1", Text: "άγνωστος"}}}
	for _, c := range []struct {
		name   string
		to     string // before the tag
		report dsn.Report
		text   string
	}{
		{"failure", "me", dsn.Report{Kind: dsn.Failure, Recipients: bob}, plain},
		{"failure-8bit", "me", dsn.Report{Kind: dsn.Failure, Recipients: bob}, eightBit},
		{"header-only", "me", dsn.Report{Kind: dsn.Failure, Recipients: bob, HeaderOnly: true}, eightBit},
		{"warning", "me", dsn.Report{Kind: dsn.Delay, Recipients: bob, After: 4 * time.Hour, Until: time.Now(), HeaderOnly: true}, plain},
		{"receipt", "me", dsn.Report{Kind: dsn.Receipt, Recipients: bob, HeaderOnly: true}, plain},
		{"postmaster", "me", dsn.Report{Kind: dsn.PostmasterCopy, Recipients: bob, HeaderOnly: true}, plain},
		{"downgraded", "me", dsn.Report{Kind: dsn.Failure, Recipients: greek, UTF8: true}, eightBit},
		{"downgraded-header", "me", dsn.Report{Kind: dsn.Failure, Recipients: greek, UTF8: true, HeaderOnly: true}, eightBit},
		{"global", "grå", dsn.Report{Kind: dsn.Failure, Recipients: greek, UTF8: true}, eightBit},
		{"global-header", "grå", dsn.Report{Kind: dsn.Delay, Recipients: greek, UTF8: true, HeaderOnly: true}, eightBit},
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
				if _, err := spool.Put(t.Context(), queue.ReportEnvelope(&report, "", ""), strings.NewReader(string(text))); err != nil {
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
