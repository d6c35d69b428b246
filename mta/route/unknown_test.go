package route

import "testing"

// unaliased is said of where a name goes that is no alias, "here" for a mailbox on
// this machine, and of where it goes if it is nobody's.
func (w *world) unaliased(t *testing.T, address string) (hub, nobody string) {
	t.Helper()
	s, err := w.table.Next(t.Context(), "", address)
	if err != nil || s.Kind != Mailbox {
		t.Fatalf("%s is no local name: %s %v", address, said(s), err)
	}
	hub = "here"
	if to, ok := w.table.Hub(s); ok {
		hub = said(to)
	}
	return hub, said(w.table.Unknown(t.Context(), s))
}

// Coverage: A30.
func TestMailForNobodyGoesWhereLuserRelaySays(t *testing.T) {
	for _, c := range []struct{ why, toml, address, want string }{
		{"nowhere", "", "jeo@example.org", "550 5.1.1 User unknown"},
		{"a trap, whose aliases count", "luser_relay = \"local:trap\"", "jeo+x@example.org", "again <trap>"},
		{"a trap that is nobody's either", "luser_relay = \"local:trap\"", "Trap@example.org", "550 5.1.1 User unknown"},
		{"a host", "luser_relay = \"other.example\"", "jeo+x@example.org", "relay:other.example <jeo+x@other.example>"},
		{"a mailer and a host", "luser_relay = \"smtp:[192.0.2.7]\"", "jeo@example.org", "smtp:[192.0.2.7] <jeo@[192.0.2.7]>"},
		{"the recipient's domain stays", "luser_relay = \"other.example\"\n[mta.route]\npreserve_luser_host = true", "jeo@example.org", "relay:other.example <jeo@example.org>"},
		{"an error", "luser_relay = \"error:5.1.1:550 Nobody here\"", "jeo@example.org", "550 5.1.1 Nobody here"},
		{"a user there", "luser_relay = \"esmtp:trap@other.example\"", "jeo@example.org", "esmtp:other.example <trap@other.example>"},
		{"the hub, where there is no other place", "[mta.route]\nmail_hub = \"hub.example\"", "jeo@example.org", "relay:hub.example <jeo@hub.example>"},
	} {
		w := begin(t, world{toml: "[mta.deliver]\n" + c.toml + "\n"})
		if _, got := w.unaliased(t, c.address); got != c.want {
			t.Errorf("%s: %s, want %s", c.why, got, c.want)
		}
	}
}

func TestAHubTakesLocalNames(t *testing.T) {
	const hub, both = "[mta.route]\nlocal_users = [\"root\"]\nmail_hub = \"esmtp:hub.example\"\n", "local_relay = \"bare.example\"\n"
	for _, c := range []struct{ why, toml, address, want string }{
		{"none", "", "joe@example.org", "here"},
		{"all of them", hub, "joe+x@example.org", "esmtp:hub.example <joe+x@hub.example>"},
		{"without a domain", hub, "joe", "esmtp:hub.example <joe@hub.example>"},
		{"but class L", hub, "Root@example.org", "here"},
		{"and with a detail", hub, "root+x@example.org", "here"},
		{"LOCAL_RELAY is for names without a domain", hub + both, "joe", "relay:bare.example <joe@bare.example>"},
		{"and no others", hub + both, "joe@example.org", "esmtp:hub.example <joe@hub.example>"},
		{"alone too", "[mta.route]\n" + both, "joe@example.org", "here"},
		{"in quotes", hub, `"joe doe"@example.org`, `esmtp:hub.example <"joe doe"@hub.example>`},
		{
			"in quotes, to an account", "[mta.route]\nmail_hub = \"account:work\"\n[account.work]\nfrom = [\"me@away.example\"]\nsmarthost = \"smtps://smtp.away.example\"\nuser = \"me\"\n",
			`"joe doe"@example.org`, `account work <"joe doe"@mail.example.org>`,
		},
	} {
		w := begin(t, world{toml: c.toml})
		if got, _ := w.unaliased(t, c.address); got != c.want {
			t.Errorf("%s: %s, want %s", c.why, got, c.want)
		}
	}
}

func TestAllElseLeavesByTheSmartHostOrTheAccount(t *testing.T) {
	const account = "[account.work]\nfrom = [\"me@away.example\"]\nsmarthost = \"smtps://smtp.away.example\"\nuser = \"me\"\n"
	w := begin(t, world{toml: "[mta.route]\nsmart_host = \"esmtp:[smart.example]\"\n" + account})
	w.take(t, []step{
		{"a domain", "joe@far.example", "esmtp:[smart.example] <joe@far.example>"},
		{"an address", "joe@[198.51.100.1]", "esmtp:[smart.example] <joe@[198.51.100.1]>"},
		{"local names stay", "joe@example.org", "mailbox joe <joe@example.org>"},
	})
	w = begin(t, world{toml: "[mta.route]\nsmart_host = \"account:work\"\n" + account, maps: map[string]string{"mailertable": "far.example esmtp:far.example\n"}})
	w.take(t, []step{
		{"an account is a smart host", "joe@else.example", "account work <joe@else.example>"},
		{"the mailertable comes first", "joe@far.example", "esmtp:far.example <joe@far.example>"},
	})
	w = begin(t, world{toml: account, maps: map[string]string{"mailertable": "far.example account:work\n"}})
	w.take(t, []step{
		{"the sender's account", "joe@else.example", "account work <joe@else.example>"},
		{"an account in the mailertable", "joe@far.example", "account work <joe@far.example>"},
	})
	s, err := w.table.Next(t.Context(), "other@away.example", "joe@else.example")
	if got := said(s); err != nil || got != "esmtp:else.example <joe@else.example>" {
		t.Errorf("a sender whom no account claims: %s %v", got, err)
	}
	w = begin(t, world{head: "default_account = \"work\"\n", toml: account})
	if s, _ := w.table.Next(t.Context(), "other@away.example", "joe@else.example"); s.Account != "work" {
		t.Errorf("an account for all else: %s", said(s))
	}
	w = begin(t, world{toml: "[mta.route]\nnull_client = \"hub.example\"\n", maps: map[string]string{"virtusertable": "joe@example.org ann\n"}})
	w.take(t, []step{
		{"a null client asks no map", "joe@example.org", "relay:hub.example <joe@hub.example>"},
		{"and sends all on", "joe@far.example", "relay:hub.example <joe@far.example>"},
		{"quotes stay as they are", `"joe \"doe"@example.org`, `relay:hub.example <"joe \"doe"@hub.example>`},
	})
	w = begin(t, world{toml: "[mta.route]\npreserve_local_plus_detail = true\n"})
	w.take(t, []step{{"a detail that is a part of the name", "joe+x@example.org", "mailbox joe+x <joe+x@example.org>"}})
	if s, _ := w.table.Next(t.Context(), "", "joe+x@example.org"); s.Detail != "" {
		t.Errorf("the detail is %q", s.Detail)
	}
}
