package desktop

import "strings"

// escaped is text for a server that reads markup in a body (capability
// "body-markup"): there it stands for itself.
func escaped(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
