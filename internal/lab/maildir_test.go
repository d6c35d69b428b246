package lab

import "testing"

func TestParseTakesOffWhatTheSmarthostPutOn(t *testing.T) {
	const sent = "Received: by an earlier hop\nReturn-Path: <kept@x>\n\nbody\n"
	for _, c := range []struct{ why, raw, from, to, sent string }{
		{"Postfix's virtual(8)", "Return-Path: <a@x>\nX-Original-To: b@y\nDelivered-To: b@y\nReceived: from h\n\tby s; now\n" + sent, "a@x", "b@y", sent},
		{"Exim's appendfile", "Return-path: <a@x>\nEnvelope-to: b@y\nReceived: from h by s\n" + sent, "a@x", "b@y", sent},
		{"a bounce has no reverse-path", "Return-Path: <>\nDelivered-To: b@y\nReceived: from h\n" + sent, "", "b@y", sent},
		{"a message without a header", "Return-Path: <a@x>\nDelivered-To: b@y\nReceived: from h\n\nbody\n", "a@x", "b@y", "\nbody\n"},
		{"one that ends within its header", "Return-Path: <a@x>\nDelivered-To: b@y", "a@x", "b@y", ""},
	} {
		got := parse([]byte(c.raw))
		if got.From != c.from || got.To != c.to || string(got.Sent) != c.sent {
			t.Errorf("%s: from %q to %q sent %q", c.why, got.From, got.To, got.Sent)
		}
	}
}

func TestHeaderIsUnfoldedAndEndsAtTheBody(t *testing.T) {
	mail := parse([]byte("Received: from h\nSubject: one\n two\nX: 1\n\nY: in the body\n"))
	for name, want := range map[string]string{"subject": "one two", "X": "1", "Y": ""} {
		if got := mail.Header(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	if got := string(mail.Body()); got != "Y: in the body\n" {
		t.Errorf("the body is %q", got)
	}
	if headless := parse([]byte("Received: from h\n\nX: body\n")); headless.Header("X") != "" || string(headless.Body()) != "X: body\n" {
		t.Errorf("without a header: %q, %q", headless.Header("X"), headless.Body())
	}
}

func TestArrivalReadsBothKindsOfMaildirName(t *testing.T) {
	for _, c := range []struct {
		why, name   string
		sec, micros int
	}{
		{"Postfix", "1795325407.Vfe00I3c2M523456.vm", 1795325407, 523456},
		{"Exim", "1795325407.H12345P678.vm", 1795325407, 12345},
		{"no name of a Maildir", "lost+found", 0, 0},
	} {
		if sec, micros := arrival(c.name); sec != c.sec || micros != c.micros {
			t.Errorf("%s: %d s, %d µs", c.why, sec, micros)
		}
	}
}
