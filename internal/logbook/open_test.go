package logbook

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func opened(t *testing.T, o Options) (*slog.Logger, func()) {
	t.Helper()
	o.Level, o.Tag = 9, "mailcrane"
	log, closes, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closes)
	return log, closes
}

func TestTextHasSendmailsLineAndNothingTwice(t *testing.T) {
	var out bytes.Buffer
	log, _ := opened(t, Options{Stderr: &out, Stamped: true})
	Line(log, Statistics, "A1: from=<a@b>, size=1", slog.String("from", "a@b"), slog.Int("size", 1))
	log.With("spool", "/x y").WithGroup("g").Info("agent is up\nforged", "n", 2, "empty", "")
	Line(log, Commands, "too much")
	want := "A1: from=<a@b>, size=1\nagent is up?forged spool=\"/x y\" g.n=2 g.empty=\"\"\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestJSONHasTheFacts(t *testing.T) {
	var out bytes.Buffer
	log, _ := opened(t, Options{Stderr: &out, Format: "json"})
	Line(log, Statistics, "A1: from=<a@b>, size=1", slog.String("from", "a@b"), slog.Int("size", 1))
	var got struct {
		Time, Level, Msg, From string
		LogLevel               int `json:"log_level"`
		Size                   int
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Msg != "A1: from=<a@b>, size=1" || got.From != "a@b" || got.Size != 1 || got.LogLevel != 5 || got.Level != "INFO" || got.Time == "" {
		t.Errorf("%+v of %s", got, &out)
	}
}

// syslogd is one at a socket, which tells what it is sent.
func syslogdAt(t *testing.T, network, address string) (net.PacketConn, func() string) {
	t.Helper()
	c, err := net.ListenPacket(network, address) //nolint:noctx // a socket of this machine
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, func() string {
		t.Helper()
		p := make([]byte, 1<<16)
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, _, err := c.ReadFrom(p)
		if err != nil {
			t.Fatal(err)
		}
		return string(p[:n])
	}
}

func TestSyslogHearsInTheFormOfRFC3164(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	_, hears := syslogdAt(t, "unixgram", path)
	log, _ := opened(t, Options{Target: "syslog:unix:" + path})
	for _, c := range []struct {
		level Level
		pri   string
	}{{Severe, "<18>"}, {Refusals, "<21>"}, {Statistics, "<22>"}} {
		Line(log, c.level, "A1: the line")
		got := hears()
		if !strings.HasPrefix(got, c.pri) || !strings.HasSuffix(got, " mailcrane["+pid()+"]: A1: the line") || len(got) != len(c.pri)+len(time.Stamp)+len(" mailcrane["+pid()+"]: A1: the line") {
			t.Errorf("at %d: %q", c.level, got)
		}
	}
}

func TestSyslogOverUDPSaysTheHost(t *testing.T) {
	c, hears := syslogdAt(t, "udp", "127.0.0.1:0")
	log, _ := opened(t, Options{Target: "syslog:udp:" + c.LocalAddr().String()})
	Line(log, Statistics, "A1: the line")
	host, _ := os.Hostname()
	if got := hears(); !strings.Contains(got, " "+host+" mailcrane["+pid()+"]: A1: the line") {
		t.Errorf("%q", got)
	}
}

func TestALogWaitsForNoSyslogdAndLosesNothingWhenThatComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log, _ := opened(t, Options{Target: "syslog:unix:" + path})
	began := time.Now()
	Line(log, Statistics, "before there is one")
	if took := time.Since(began); took > time.Second/2 {
		t.Errorf("a line waited %v for a syslogd that is not there", took)
	}
	first, hears := syslogdAt(t, "unixgram", path)
	if got := hears(); !strings.HasSuffix(got, "before there is one") {
		t.Errorf("%q", got)
	}
	first.Close()
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	Line(log, Statistics, "while it is started anew")
	_, hears = syslogdAt(t, "unixgram", path)
	if got := hears(); !strings.HasSuffix(got, "while it is started anew") {
		t.Errorf("%q", got)
	}
}

func TestASyslogdThatDoesNotReadCostsLinesNotTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	_, hears := syslogdAt(t, "unixgram", path)
	log, _ := opened(t, Options{Target: "syslog:unix:" + path})
	began := time.Now()
	const lines = 3 * mostHeld
	for range lines {
		Line(log, Statistics, "one of many")
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("%d lines waited %v", lines, took)
	}
	for range lines {
		if strings.Contains(hears(), "lines of the log were lost") {
			return
		}
	}
	t.Error("nobody is told that lines were lost")
}
