package oauth

import (
	"fmt"
	"net/http"
)

// A page is what the browser shows at the end. It holds nothing of what came
// with the request.
type page struct{ title, text string }

var (
	pageIn        = page{"You are logged in", "mailcrane can send your mail now. You can close this page."}
	pageRefused   = page{"You are not logged in", "The provider did not let mailcrane in. Its reason stands in the terminal."}
	pageFailed    = page{"You are not logged in", "Something went wrong. What it was, and what to do, stands in the terminal."}
	pageStranger  = page{"This is not the log-in that is waited for", "Begin again in the terminal."}
	pageElsewhere = page{"There is nothing here", "mailcrane waits here for a log-in to come back, and for nothing else."}
)

// write sends the page. The address in the browser holds a code, which must not
// go on to another page.
func (p page) write(w http.ResponseWriter, status int) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>mailcrane: %s</title>
<style>body{font:1.2em sans-serif;max-width:30em;margin:4em auto;padding:0 1em;color-scheme:light dark}</style>
</head><body><h1>%s</h1><p>%s</p></body></html>
`, p.title, p.title, p.text)
}
