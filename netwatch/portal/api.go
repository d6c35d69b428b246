package portal

import (
	"encoding/json"
	"net/http"
	"net/url"
)

// judgeAPI reads an answer of the Captive Portal API (RFC 8908 section 5).
func judgeAPI(a *Answer) (found Finding, page string) {
	var says struct {
		Captive *bool  `json:"captive"`
		Page    string `json:"user-portal-url"`
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &says) != nil || says.Captive == nil {
		return FindsNothing, ""
	}
	if !*says.Captive {
		return FindsOpen, ""
	}
	return FindsPortal, pageOf(says.Page, &url.URL{})
}
