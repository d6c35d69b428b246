package route

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"mailcrane/internal/config"
)

var block = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```")

func manual(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/routing.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheExamplesOfTheManualAreRead(t *testing.T) {
	home := func(string) string { return "/home/me" }
	seen := map[string]bool{}
	for _, b := range block.FindAllStringSubmatch(manual(t), -1) {
		seen[b[1]] = true
		if b[1] == "toml" {
			if _, err := config.Parse("routing.md", []byte(b[2]), home); err != nil {
				t.Errorf("%v in\n%s", err, b[2])
			}
			continue
		}
		w := begin(t, world{maps: map[string]string{b[1]: b[2]}})
		if err := w.table.Usable(); err != nil {
			t.Error(err)
		}
	}
	for _, kind := range []string{"toml", "mailertable", "virtusertable", "domaintable", "genericstable"} {
		if !seen[kind] {
			t.Errorf("there is no example of %s", kind)
		}
	}
}

// Coverage: A32.
func TestTheManualWarnsThatATrapSwallowsTypingErrors(t *testing.T) {
	_, section, _ := strings.Cut(manual(t), "## Mail for nobody")
	if !strings.Contains(section, "A trap for a whole domain swallows typing errors.") {
		t.Error("the warning is gone")
	}
}
