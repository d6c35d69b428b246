package config

import (
	"strings"
	"testing"
)

// An unknown word of DontBlameSendmail is refused, and the one that may have
// been meant is named.
//
// Coverage: B68, B69.
func TestDontBlameSendmailTakesSendmailsWordsOnly(t *testing.T) {
	for _, c := range []struct {
		reason, text string
		want         Blame
		err          string
	}{
		{"nothing is sendmail's Safe", "", 0, ""},
		{"one word, in any case", "mapinUNSAFEdirpath", MapInUnsafeDirPath, ""},
		{"commas and blanks", "TrustStickyBit, GroupWritableDirPathSafe,", TrustStickyBit | GroupWritableDirPathSafe, ""},
		{"sendmail's own spelling, which differs in case", "WorldWritableForwardfile", WorldWritableForwardFile, ""},
		{"Safe takes back what stood before", "TrustStickyBit,safe,MapInUnsafeDirPath", MapInUnsafeDirPath, ""},
		{"Safe at the end leaves nothing", "TrustStickyBit,Safe", 0, ""},
		{"a slip", "TrustStickyBits", 0, `"TrustStickyBits" is no word of DontBlameSendmail: did you mean TrustStickyBit?`},
		{"nothing near", "yes", 0, `"yes" is no word of DontBlameSendmail`},
	} {
		got, err := ParseBlame(c.text)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%s: %v, %v; want %v, %s", c.reason, got, err, c.want, c.err)
		}
	}
}

func TestEveryWordOfDontBlameSendmailIsReadAsItIsShown(t *testing.T) {
	for i, w := range blameWords {
		got, err := ParseBlame(strings.ToLower(w))
		if err != nil || got != 1<<i || got.String() != w {
			t.Errorf("%s is read as %v, %v", w, got, err)
		}
	}
	if WriteStatsToSymLink != 1<<(len(blameWords)-1) || TrustStickyBit.String() != "TrustStickyBit" {
		t.Error("the words are not in the order of their constants")
	}
}

func TestDontBlameSendmailIsAListOrTextInTheFile(t *testing.T) {
	for _, text := range []string{`["TrustStickyBit", "MapInUnsafeDirPath"]`, `"TrustStickyBit,MapInUnsafeDirPath"`} {
		c, err := Parse("m.toml", []byte("[mta]\ndont_blame_sendmail = "+text+"\ntrusted_user = \"smmsp\"\n"), home)
		if err != nil || c.MTA.Safe.Blame != TrustStickyBit|MapInUnsafeDirPath || c.MTA.Safe.TrustedUser != "smmsp" {
			t.Errorf("%s: %+v, %v", text, c.MTA.Safe, err)
		}
	}
	_, err := Parse("m.toml", []byte("[mta]\ndont_blame_sendmail = [\"TrustSticky\"]\n"), home)
	if err == nil || !strings.Contains(err.Error(), "m.toml:2") || !strings.Contains(err.Error(), "TrustStickyBit") {
		t.Errorf("an unknown word: %v", err)
	}
}
