package policy

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailcrane/internal/config"
	"mailcrane/mta/safefile"
)

func TestARecipientWhoIsNobodyIsRefusedToThoseWhoMaySendToHim(t *testing.T) {
	var asked []string
	w := world{mta: "[mta]\nlocal = [\"example.org\"]\n", parts: Parts{
		Recipient: func(_ context.Context, sender, recipient string) Verdict {
			asked = append(asked, sender+" "+recipient)
			switch local, _, _ := strings.Cut(recipient, "@"); local {
			case "joe":
				return Answered(250, "2.1.5", "ok", "")
			case "busy":
				return Answered(451, "", "Later", "")
			}
			return Answered(550, "5.1.1", "User unknown", "/etc/aliases:7")
		},
	}}
	v, _ := w.policy(t).Connect(t.Context(), from("192.0.2.1", "host.away.example"))
	defer v.Close()
	v.Mail(t.Context(), "me@away.example", 0)
	for _, c := range []struct{ why, to, want string }{
		{"somebody", "joe@example.org", "ok"},
		{"nobody", "jeo@example.org", "550 5.1.1 <jeo@example.org>... User unknown"},
		{"not known now", "busy@example.org", "451 4.0.0 Later"},
		{"who may not send there is told nothing of names", "jeo@far.example", "550 5.7.1 <jeo@far.example>... Relaying denied"},
	} {
		if got := v.Rcpt(t.Context(), c.to).heard(); got != c.want {
			t.Errorf("%s: %s, want %s", c.why, got, c.want)
		}
	}
	if len(asked) != 3 || asked[0] != "me@away.example joe@example.org" {
		t.Errorf("asked: %q", asked)
	}
	if nobody := v.Rcpt(t.Context(), "jeo@example.org"); nobody.Where != "/etc/aliases:7" || nobody.Rule != "check_rcpt" {
		t.Errorf("what said so: %+v", nobody)
	}
}

// Coverage: X6.
func TestVirtualDomainsAreRelayedFor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "virt")
	if err := os.WriteFile(file, []byte("# ours\nfile.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	safe, err := safefile.New(config.Safe{Blame: config.TrustStickyBit})
	if err != nil {
		t.Fatal(err)
	}
	w := world{mta: "[mta.route]\nvirt_host = [\"virt.example\"]\nvirt_host_file = \"" + file + "\"\n", parts: Parts{Safe: safe}}
	p := w.policy(t)
	for domain, want := range map[string]bool{
		"virt.example": true, "VIRT.example": true, "file.example": true, "far.example": false,
		"sub.virt.example": true, // CR$={VirtHost}: class R takes what is below
	} {
		v := p.MayRelay(t.Context(), from("192.0.2.1", ""), "me@away.example", "joe@"+domain)
		if (v.Refusal == nil) != want {
			t.Errorf("%s: %+v", domain, v)
		}
	}
	c := p.Classes()
	if c.Virtual("virt.example") == "" || c.Virtual("sub.virt.example") != "" || !strings.HasSuffix(c.Virtual("file.example"), "virt:2") {
		t.Errorf("%q %q %q", c.Virtual("virt.example"), c.Virtual("sub.virt.example"), c.Virtual("file.example"))
	}
}
