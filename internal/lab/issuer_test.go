package lab

import (
	"testing"
	"time"
)

func TestTheBrowserReachesTheIssuer(t *testing.T) {
	i, b := StartIssuer(t, time.Minute), StartBrowser(t)
	b.Open(i.URL + "/auth?client_id=crane&response_type=code&scope=openid&state=s&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256")
	for deadline := time.Now().Add(10 * time.Second); b.Run("document.querySelector('input[name=password]') !== null") != "true"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no log-in page: ", b.Run("document.body.innerText"))
		}
	}
}
