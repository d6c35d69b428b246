package lab

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A Browser is a headless Chromium with one page, spoken with by the DevTools
// protocol over a pair of pipes. It takes the certificates of any authority.
type Browser struct {
	t       testing.TB
	to      io.Writer
	from    *bufio.Reader
	session string
	last    int
}

// StartBrowser starts one, which ends with the test.
func StartBrowser(t testing.TB) *Browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		Missing(t, "Chromium", "internal/lab/lab.sh install browser")
	}
	theirIn, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// root, which the lab is run by, has no sandbox there.
	cmd := exec.Command(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--ignore-certificate-errors", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &Browser{t: t, to: to, from: bufio.NewReader(from)}
	t.Cleanup(func() {
		b.call("Browser.close", nil) //nolint:errcheck // it may be gone
		to.Close()
		cmd.Wait() //nolint:errcheck // it was stopped
		from.Close()
	})
	var target struct{ TargetID, SessionID string }
	b.must(b.do("Target.createTarget", map[string]any{"url": "about:blank"}, &target))
	b.must(b.do("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &target))
	b.session = target.SessionID
	return b
}

func (b *Browser) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal("Chromium: ", err)
	}
}

// call sends a command and returns its answer; events are passed over.
func (b *Browser) call(method string, params map[string]any) (json.RawMessage, error) {
	b.last++
	message := map[string]any{"id": b.last, "method": method, "params": params}
	if params == nil {
		message["params"] = map[string]any{}
	}
	if b.session != "" {
		message["sessionId"] = b.session
	}
	if method == "Browser.close" {
		delete(message, "sessionId")
	}
	text, err := json.Marshal(message)
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	if err != nil {
		return nil, err
	}
	for {
		line, err := b.from.ReadBytes(0)
		if err != nil {
			return nil, err
		}
		var answer struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(line[:len(line)-1], &answer); err != nil {
			return nil, err
		}
		switch {
		case answer.ID != b.last:
		case answer.Error != nil:
			return nil, fmt.Errorf("%s: %s", method, answer.Error.Message)
		default:
			return answer.Result, nil
		}
	}
}

func (b *Browser) do(method string, params map[string]any, into any) error {
	text, err := b.call(method, params)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	return err
}

// Open goes to a page.
func (b *Browser) Open(url string) {
	b.t.Helper()
	_, err := b.call("Page.navigate", map[string]any{"url": url})
	b.must(err)
}

// Run evaluates a script in the page that is there and returns its value as text;
// a script that fails, as on a page that is just going, gives "".
func (b *Browser) Run(script string) string {
	b.t.Helper()
	var answer struct{ Result struct{ Value any } }
	if err := b.do("Runtime.evaluate", map[string]any{"expression": script}, &answer); err != nil || answer.Result.Value == nil {
		return ""
	}
	return fmt.Sprint(answer.Result.Value)
}

// LogIn goes through the pages of dex as a person does, until one says want.
func (b *Browser) LogIn(i *Issuer, want string) (page string) {
	b.t.Helper()
	step := fmt.Sprintf(`(() => {
		const at = s => document.querySelector(s);
		if (at('input[name=password]') && !at('input[name=password]').value) {
			at('input[name=login]').value = %q; at('input[name=password]').value = %q; at('form').submit();
		} else if (at('input[name=approval][value=approve]')) {
			at('input[name=approval][value=approve]').form.submit();
		} else if (at('input[name=user_code]') && at('input[name=user_code]').value) {
			at('form').submit();
		}
		return document.body.innerText;
	})()`, i.LogIn, i.Password)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if b.Run("document.readyState") != "complete" {
			continue
		}
		if page = b.Run(step); strings.Contains(page, want) {
			return page
		}
	}
	b.t.Fatalf("the browser came to a page that says\n%s", page)
	return ""
}
