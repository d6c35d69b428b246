package netwatch

import (
	"encoding/json"
	"net/http"
	"net/url"
)

// judgeAPI reads an answer of the Captive Portal API (RFC 8908 section 5).
func judgeAPI(a *answer) (found finding, page string) {
	var says struct {
		Captive *bool  `json:"captive"`
		Page    string `json:"user-portal-url"`
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &says) != nil || says.Captive == nil {
		return findsNothing, ""
	}
	if !*says.Captive {
		return findsOpen, ""
	}
	return findsPortal, pageOf(says.Page, &url.URL{})
}
