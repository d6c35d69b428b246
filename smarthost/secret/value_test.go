package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"mailcrane/internal/config"
)

const planted = "hunter2-planted"

func TestAValueNeverShowsItself(t *testing.T) {
	v := seal([]byte(planted))
	type wrapped struct {
		V      Value
		hidden Value
		list   []Value
		m      map[string]Value
	}
	w := wrapped{v, v, []Value{v}, map[string]Value{"k": v}}
	seen := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%U", "%t", "%p", "%T", "%10.3s", "%!"} {
		for name, arg := range map[string]any{"a value": v, "a pointer": &v, "a struct": w, "a pointer to a struct": &w, "a list": []Value{v}} {
			seen[verb+" of "+name] = fmt.Sprintf(verb, arg)
		}
	}
	seen["Sprint"] = fmt.Sprint(v)
	seen["an error"] = fmt.Errorf("x: %v", v).Error()
	for name, arg := range map[string]any{"a value": v, "a struct": w, "a map key's value": w.m} {
		out, err := json.Marshal(arg)
		if err != nil {
			t.Errorf("JSON of %s: %v", name, err)
		}
		seen["JSON of "+name] = string(out)
	}
	var log bytes.Buffer
	for name, handler := range map[string]slog.Handler{"text": slog.NewTextHandler(&log, nil), "JSON": slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("m", "v", v, "w", w, "p", &v)
		seen[name+" log"] = log.String()
	}
	hex := fmt.Sprintf("%x", planted)
	decimal := strings.Trim(fmt.Sprintf("%d", []byte(planted)), "[]")
	for how, out := range seen {
		for _, form := range []string{planted, hex, strings.ToUpper(hex), decimal} {
			if strings.Contains(out, form) {
				t.Errorf("%s shows the secret: %s", how, out)
			}
		}
	}
	if got := fmt.Sprintf("%v %d %s", v, v, v); got != "[secret] [secret] [secret]" {
		t.Errorf("it shows as %q", got)
	}
	if string(v.Reveal()) != planted {
		t.Errorf("Reveal gives %q", v.Reveal())
	}
	if (Value{}).Reveal() != nil {
		t.Error("the zero Value has octets")
	}
}

func TestQuoteMakesOneWordOfTheShell(t *testing.T) {
	for _, text := range []string{"", "plain/me@example.org", "two words", "it's", "$(id)", "a;b", "-n", "ü", "\n"} {
		out, err := New(&config.Account{Secret: config.Secret{Kind: "command", Value: "printf '%sX' " + quote(text) + " | tr '\\n' N"}}, nil).Read(t.Context())
		if want := strings.ReplaceAll(text, "\n", "N") + "X"; err != nil || string(out.Reveal()) != want {
			t.Errorf("quote(%q) = %s: the shell gives %q, %v", text, quote(text), out.Reveal(), err)
		}
	}
}
