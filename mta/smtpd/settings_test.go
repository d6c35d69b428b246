package smtpd

import (
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

func TestTheGreetingIsMadeFromTheMessageOfTheConfiguration(t *testing.T) {
	at := time.Date(2026, 11, 22, 21, 30, 0, 0, time.UTC)
	for _, c := range []struct{ message, want string }{
		{"$j Sendmail $v/$Z; $b", "mx.example ESMTP Sendmail 1.2/1.2; Sun, 22 Nov 2026 21:30:00 +0000"},
		{"$j mailcrane; $b", "mx.example ESMTP mailcrane; Sun, 22 Nov 2026 21:30:00 +0000"},
		{"$j", "mx.example ESMTP"},
		{"", "mx.example ESMTP"},
		{"$j $$5 welcome", "mx.example ESMTP $5 welcome"},
	} {
		if got := GreetingText(c.message, "mx.example", "1.2", at); got != c.want {
			t.Errorf("%q: got %q, want %q", c.message, got, c.want)
		}
	}
}

func TestSoftBounceMakesRefusalsTemporary(t *testing.T) {
	h := &house{verdict: map[string]error{
		"rcpt no@e.f": refusal(550, 5, 1, 1, "User unknown"),
		"data":        &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "no"},
	}}
	p := dial(t, onSocket(t, h, Options{SoftBounce: true}))
	p.envelope()
	p.asks("RCPT TO:<no@e.f>", "450 4.1.1 User unknown")
	p.asks("FROB", "500 5.5.1")
	p.asks("DATA", "354")
	p.say("x\r\n.\r\n")
	p.want("454 4.6.0 no")
}

func TestAHELOIsAHostName(t *testing.T) {
	for _, c := range []struct {
		line    string
		allowed bool
		want    string
	}{
		{"HELO mx.example", false, "250 localhost Hello mx.example [127.0.0.1], pleased to meet you"},
		{"EHLO [IPv6:::1]", false, "250"},
		{"EHLO under_score", false, "250"},
		{"HELO", false, "501 5.0.0 HELO requires domain address"},
		{"EHLO", false, "501 5.0.0 EHLO requires domain address"},
		{"EHLO two words", false, "501 5.0.0 Invalid domain name"},
		{"EHLO <x>", false, "501 5.0.0 Invalid domain name"},
		{"EHLO " + strings.Repeat("x", 256), false, "501 5.0.0 Invalid domain name"},
		{"HELO", true, "250 localhost Hello"},
		{"HELO two words", true, "250 localhost Hello"},
	} {
		p := dial(t, onSocket(t, new(house), Options{AllowBogusHELO: c.allowed}))
		p.want("220")
		if got := p.asks(c.line, c.want[:3]); !strings.HasPrefix(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.line, got, c.want)
		}
	}
}
