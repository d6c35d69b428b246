package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailcrane/internal/sysexits"
)

// settingsIn reads a line of words NAME=VALUE, or -oXVALUE.
func settingsIn(line string) (settings []Setting) {
	for word := range strings.FieldsSeq(line) {
		name, value, _ := strings.Cut(word, "=")
		if letter, ok := strings.CutPrefix(word, "-o"); ok {
			name, value = Lettered(letter[0]).Name, letter[1:]
		}
		settings = append(settings, Setting{Name: name, Value: value})
	}
	return settings
}

// Coverage: B2, B3, B32, B37, B40, B46, B47, B48.
func TestSettingsGoOverTheFile(t *testing.T) {
	const file = "[queue]\nmin_age = \"10m\"\n[timeout]\nqueuereturn_urgent = \"1d\"\nmail = \"9m\"\n[submit]\nprivacy_options = [\"authwarnings\"]\n"
	for _, c := range []struct {
		reason, line string
		want         func(*Config)
	}{
		{"none", "", func(*Config) {}},
		{"one", "MinQueueAge=5", func(c *Config) { c.Queue.MinAge = 5 * time.Minute }},
		{"any case", "minqueueage=5", func(c *Config) { c.Queue.MinAge = 5 * time.Minute }},
		{"the last counts", "MinQueueAge=5 MinQueueAge=6", func(c *Config) { c.Queue.MinAge = 6 * time.Minute }},
		{"the whole beats a class of the file", "Timeout.queuereturn=2d", func(c *Config) { c.Queue.Return = all(2 * day) }},
		{"a class alone", "Timeout.queuereturn.non-urgent=2", func(c *Config) { c.Queue.Return.NonUrgent = 2 * day }},
		{"a class before the whole is lost, as in sendmail", "Timeout.queuewarn.dsn=1 Timeout.queuewarn=2", func(c *Config) { c.Queue.Warn = all(2 * time.Hour) }},
		{"now", "Timeout.queuereturn=now", func(c *Config) { c.Queue.Return = all(Now) }},
		{"below nothing", "Timeout.queuereturn=-5", func(c *Config) { c.Queue.Return = all(Now) }},
		{"the old form for both", "-oT5d/4h", func(c *Config) { c.Queue.Return, c.Queue.Warn = all(5*day), all(4*time.Hour) }},
		{"the old form for one", "-oT3d", func(c *Config) { c.Queue.Return = all(3 * day) }},
		{"the old form with their own units", "-oT3/2", func(c *Config) { c.Queue.Return, c.Queue.Warn = all(3*day), all(2*time.Hour) }},
		{"the old form without names sets the six", "-or7m", func(c *Config) {
			t := &c.Timeout
			t.Mail, t.Rcpt, t.DataInit, t.DataBlock, t.DataFinal, t.Command = 7*time.Minute, 7*time.Minute, 7*time.Minute, 7*time.Minute, 7*time.Minute, 7*time.Minute
		}},
		{"the old form in minutes", "-or7", func(c *Config) {
			t := &c.Timeout
			t.Mail, t.Rcpt, t.DataInit, t.DataBlock, t.DataFinal, t.Command = 7*time.Minute, 7*time.Minute, 7*time.Minute, 7*time.Minute, 7*time.Minute, 7*time.Minute
		}},
		{"a list with =", "-orquit=3s,RSET=4m,queuewarn=6", func(c *Config) {
			c.Timeout.Quit, c.Timeout.Rset, c.Queue.Warn = 3*time.Second, 4*time.Minute, all(6*time.Hour)
		}},
		{"a list with :", "-orquit:3s,ident:0", func(c *Config) { c.Timeout.Quit = 3 * time.Second }},
		{"an order by its first letter", "QueueSortOrder=Hostwise", func(c *Config) { c.Queue.Sort = ByHost }},
		{"a letter alone is yes", "-oY", func(c *Config) { c.Queue.SeparateSessions = true }},
		{"no cache is a session each", "-ok0", func(c *Config) { c.Queue.SeparateSessions, c.MTA.Exchange.CacheSize = true, 0 }},
		{"a cache is none of it", "-oY -ok2", func(c *Config) { c.MTA.Exchange.CacheSize = 2 }},
		{"privacy only adds", "-opnobodyreturn", func(c *Config) { c.Submit.Privacy |= NoBodyReturn }},
		{"LSB's foreground", "-odf", func(c *Config) { c.DeliveryMode = Interactive }},
		{"what has no meaning here takes anything", "Timeout.misc=never", func(*Config) {}},
		{"an unknown name is passed over", "Zebra=1", func(*Config) {}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			got, _ := Parse("m.toml", []byte(file), home)
			want, err := Parse("m.toml", []byte(file), home)
			if err != nil {
				t.Fatal(err)
			}
			c.want(want)
			if err := got.Apply(settingsIn(c.line)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(settingsOf(want), settingsOf(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Coverage: B4.
func TestBadSettingsAreWrongUsage(t *testing.T) {
	for _, c := range []struct{ reason, line, want string }{
		{"a wrong unit", "Timeout.mail=5y", `Option Timeout.mail: invalid time unit "y" in "5y": use s, m, h, d or w`},
		{"no time", "MinQueueAge=soon", `Option MinQueueAge: "soon" is not a time`},
		{"a time below nothing where now means nothing", "Timeout.queuewarn=-1", `Option Timeout.queuewarn: "-1" is not a time`},
		{"too short", "Timeout.datafinal=0", "Option Timeout.datafinal: 0 is too short: the least is 1s"},
		{"an order", "QueueSortOrder=size", `Option QueueSortOrder: "s" is no order of a queue run`},
		{"no number", "RecipientFactor=many", "Option RecipientFactor wants a number, not many"},
		{"too small a number", "MaxQueueRunSize=-1", "Option MaxQueueRunSize: -1 is no whole number from 0 to 2147483647"},
		{"a bad half of the old form", "-oT5d/4y", `invalid time unit "y"`},
		{"a timeout that there is not", "-orlunch=1h", "settimeout: invalid timeout lunch"},
		{"a list with a part that is none", "-ormail=1h,2h", "2h names no timeout: write name=time"},
		{"no time for the six", "-or0", "0 is shorter than a second"},
	} {
		var c2 Config
		err := c2.Apply(settingsIn(c.line))
		if err == nil || sysexits.Code(err) != sysexits.Usage || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.reason, err, c.want)
		}
	}
}

func TestSettingsReachAnotherProcessAsTheyWere(t *testing.T) {
	settings := []Setting{
		{Name: "Timeout.queuereturn", Value: "now"},
		{Name: "QueueDirectory", Value: "/q "},
		{Name: "DeliveryMode", Value: "i"},
		{Name: "MinQueueAge", Value: "5"},
	}
	want := []string{"-OTimeout.queuereturn=now", "-oQ/q ", "-OMinQueueAge=5"}
	if diff := cmp.Diff(want, Flags(settings)); diff != "" {
		t.Error(diff)
	}
}

// Coverage: B4.
func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"5d", "2h30m", "1w", "30", "-5", "now", "", "5y", "999999999999d", "1H2M", "0", "1 d", "\x00", "２h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseTime(text, time.Minute)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\x00\x1b\n") {
				t.Fatalf("the error holds a control character: %q", err)
			}
			return
		}
		again, err := ParseTime(TimeText(d), time.Minute)
		if err != nil || again != d {
			t.Fatalf("%q is %v, written %s, which is %v, %v", text, d, TimeText(d), again, err)
		}
	})
}

func FuzzOptionValues(f *testing.F) {
	for _, seed := range []string{
		"DeliveryMode=", "ErrorMode=m", "QueueSortOrder=", "Timeout=mail=1h,rcpt:2", "Timeout=:", "QueueTimeout=5d/4h", "QueueTimeout=/",
		"PrivacyOptions=goaway, noexpn", "MaxMessageSize=99999999999999999999", "Timeout.queuereturn=-", "Timeout.queuereturn=--1", "IgnoreDots=\x00",
		"Timeout=timeout=1", "Timeout=queuereturn.dsn=now", "NoRecipientAction=ADD-TO", "ConnectionCacheSize=-1",
	} {
		name, value, _ := strings.Cut(seed, "=")
		f.Add(name, value)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		c := defaults()
		err := c.Apply([]Setting{{Name: name, Value: value}})
		if err != nil && (sysexits.Code(err) != sysexits.Usage || strings.ContainsAny(err.Error(), "\x00\x1b\n")) {
			t.Fatalf("%d %q", sysexits.Code(err), err)
		}
		if c.Timeout != c.Timeout.OrDefault() {
			t.Fatalf("%s=%s leaves a timeout that is none: %+v", name, value, c.Timeout)
		}
		for o := range Options() {
			_ = o.Shown(c, "") // only a panic would be wrong
		}
	})
}
