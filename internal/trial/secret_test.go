package trial

import (
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wantSecret: none of the secrets, bare or as AUTH sends them, is in what was
// said or in any file of the home but the one where it is kept.
func (h *home) wantSecret(t *testing.T, said string, secrets ...string) {
	t.Helper()
	leaks := func(where, text string) {
		for _, secret := range secrets {
			for _, form := range forms(secret) {
				if strings.Contains(text, form) {
					t.Errorf("the password is in %s", where)
				}
			}
		}
	}
	leaks("what the programs said", said)
	err := filepath.WalkDir(h.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || path == filepath.Join(h.dir, "password") {
			return err
		}
		leaks(path, path)
		text, err := os.ReadFile(path)
		leaks(path, string(text))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// forms are the ways in which a secret may show: as it is, in hexadecimal, in an
// address of the web, and in the middle of base64, wherever it begins there.
func forms(secret string) []string {
	octets := hex.EncodeToString([]byte(secret))
	all := []string{secret, octets, strings.ToUpper(octets), url.QueryEscape(secret), url.PathEscape(secret)}
	for shift := range 3 {
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			text := encoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
			all = append(all, text[4:len(text)-4])
		}
	}
	return all
}
