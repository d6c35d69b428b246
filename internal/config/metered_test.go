package config

import "testing"

func TestASizeIsReadAndShown(t *testing.T) {
	for _, c := range []struct {
		reason, text string
		want         Octets
		shown        string
	}{
		{"k is a thousand", `"200k"`, 200_000, "200k"},
		{"with a B, a blank, and in any case", `"200 KB"`, 200_000, "200k"},
		{"Ki is 1024", `"2KiB"`, 2048, "2Ki"},
		{"a part", `"1.5M"`, 1_500_000, "1500k"},
		{"a number without quotes", `2_000_000`, 2_000_000, "2M"},
		{"no unit", `"1234"`, 1234, "1234"},
		{"a unit that would make it no shorter is left out", `"10"`, 10, "10"},
		{"nothing is no bound", `"0"`, 0, "0"},
	} {
		c0, err := Parse("m.toml", []byte(account+"max_size = "+c.text+"\n"), home)
		if err != nil {
			t.Errorf("%s: %v", c.reason, err)
			continue
		}
		if got := c0.Account("a").MaxSize; got != c.want || got.String() != c.shown {
			t.Errorf("%s: %d, shown as %s; want %d, %s", c.reason, int64(got), got, int64(c.want), c.shown)
		}
	}
}

const account = "[account.a]\nfrom=[\"me@x.org\"]\nsmarthost=\"smtps://x.org\"\nuser=\"me\"\n"

func TestABoundHoldsForAMeteredWayOut(t *testing.T) {
	for _, c := range []struct {
		reason, text       string
		metered, unmetered int64
	}{
		{"without max_size there is no bound", "metered = \"yes\"\n", 0, 0},
		{"auto goes by the network", "max_size = \"1k\"\n", 1000, 0},
		{"yes is always", "max_size = \"1k\"\nmetered = \"yes\"\n", 1000, 1000},
		{"no is never", "max_size = \"1k\"\nmetered = \"no\"\n", 0, 0},
	} {
		conf, err := Parse("m.toml", []byte(account+c.text), home)
		if err != nil {
			t.Errorf("%s: %v", c.reason, err)
			continue
		}
		a := conf.Account("a")
		if m, u := a.Bound(true), a.Bound(false); m != c.metered || u != c.unmetered {
			t.Errorf("%s: %d where it is metered and %d where not", c.reason, m, u)
		}
		if a.MayBound() != (c.metered > 0) {
			t.Errorf("%s: MayBound is %v", c.reason, a.MayBound())
		}
	}
}
