package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/term"

	"mailcrane/internal/header"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
	"mailcrane/queue/draft"
)

// onTerminal says that a person sits before standard input.
func (a *app) onTerminal() bool {
	file, ok := a.stdin.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// edited is the change that a person makes in an editor, and the file that it
// was written in.
func (a *app) edited(e queue.Entry) (change queue.Change, file string, err error) {
	if !a.onTerminal() {
		return change, "", sysexits.Errorf(sysexits.Usage, "see: mailcrane queue edit --help",
			"say what to change; there is no terminal for an editor")
	}
	return a.inEditor(e, a.runEditor, a.askAgain)
}

// inEditor has the envelope edited until it can be read back, or the person
// has had enough. What was written is kept in its file, which the caller
// removes when the change is made.
func (a *app) inEditor(e queue.Entry, edit func(path string) error, again func() bool) (change queue.Change, file string, err error) {
	text := draft.Text(e, a.now())
	f, err := os.CreateTemp("", "mailcrane-"+string(e.Name.ID)+"-*.txt")
	if err != nil {
		return change, "", sysexits.Errorf(sysexits.CantCreat, "", "no file for the editor: %w", err)
	}
	path := f.Name()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
		return change, "", sysexits.Errorf(sysexits.CantCreat, "", "no file for the editor: %w", err)
	}
	kept := func(err error) (queue.Change, string, error) {
		err = fmt.Errorf("%s was not changed: %w", e.Name.ID, err)
		return queue.Change{}, "", keptIn(path, sysexits.Errorf(sysexits.DataErr, "", "%w", err))
	}
	for {
		failed := edit(path)
		written, err := os.ReadFile(path)
		switch {
		case err != nil:
			return kept(err)
		case bytes.Equal(written, text):
			os.Remove(path)
			if failed != nil {
				failed = sysexits.Errorf(sysexits.DataErr, "", "%s was not changed: %w", e.Name.ID, failed)
			}
			return change, "", failed
		case failed != nil:
			return kept(failed)
		}
		change, wrong := draft.Parse(written, e, a.now())
		if len(wrong) == 0 {
			return change, path, nil
		}
		for _, w := range wrong {
			where := path
			if w.Line > 0 {
				where = fmt.Sprintf("%s:%d", path, w.Line)
			}
			fmt.Fprintf(a.stderr, "%s: %s\n", where, w.Why)
		}
		if !again() {
			return kept(errors.New("the text has mistakes"))
		}
	}
}

// keptIn is err with where to find what a person has written.
func keptIn(file string, err error) error {
	hint := "what you wrote is kept in " + file
	if more := sysexits.Hint(err); more != "" {
		hint = more + "; " + hint
	}
	return sysexits.Errorf(sysexits.Code(err), hint, "%w", err)
}

// runEditor starts the person's editor as git does: the variable may hold
// flags, so the shell takes it apart.
func (a *app) runEditor(path string) error {
	editor := a.getenv("VISUAL")
	if editor == "" {
		editor = a.getenv("EDITOR")
	}
	if editor == "" {
		editor = "vi"
	}
	argv := []string{"sh", "-c", editor + ` "$@"`, editor, path}
	if runtime.GOOS == "windows" {
		argv = append(strings.Fields(editor), path)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.stdin, a.stdout, a.stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the editor %q ended with: %w; set $VISUAL or $EDITOR to the one you want", editor, err)
	}
	return nil
}

// askAgain asks whether to go back to the editor.
func (a *app) askAgain() bool {
	fmt.Fprint(a.stderr, "Edit it again? [Y/n] ")
	// An octet at a time: what comes behind the line is the editor's.
	var answer []byte
	for one := make([]byte, 1); len(answer) < 80; {
		if n, err := a.stdin.Read(one); n == 0 || err != nil {
			return false
		}
		if one[0] == '\n' {
			break
		}
		answer = append(answer, one[0])
	}
	return !strings.HasPrefix(strings.ToLower(strings.TrimSpace(string(answer))), "n")
}

// maxShownHeader bounds what is read of a message to find addresses in its
// header.
const maxShownHeader = 1 << 20

// stillNaming is the fields of a message's header, each in one line, that a
// reader sees and that name one of the addresses.
func stillNaming(message io.Reader, addresses []string) []string {
	start, err := io.ReadAll(io.LimitReader(message, maxShownHeader))
	if err != nil || len(addresses) == 0 {
		return nil
	}
	var scan header.Scan
	section, _, ok := scan.End(start, true)
	if !ok {
		return nil
	}
	var fields []string
	for _, f := range header.Parse(start[:section]).Fields {
		if !slices.ContainsFunc([]string{"From", "Sender", "Reply-To", "To", "Cc"}, f.Is) {
			continue
		}
		for _, gone := range addresses {
			if gone != "" && strings.Contains(strings.ToLower(f.Text()), strings.ToLower(gone)) {
				fields = append(fields, f.Name()+": "+strings.TrimSpace(f.Text()))
				break
			}
		}
	}
	return fields
}
