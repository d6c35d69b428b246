package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"mailcrane/internal/sysexits"
)

// maxPassword bounds a password or token that is typed or piped in.
const maxPassword = 16 << 10

// askSecret is what is typed, which is not shown, or one line of a standard input
// that is no terminal. what names it, as "password".
func (a *app) askSecret(ctx context.Context, what, prompt string) (string, error) {
	read := func() ([]byte, error) { return firstLine(a.stdin) }
	after := func() {}
	if file, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fd := int(file.Fd())
		if before, err := term.GetState(fd); err == nil {
			after = func() { term.Restore(fd, before) } //nolint:errcheck // the terminal may be gone
		}
		read = func() ([]byte, error) { return term.ReadPassword(fd) }
		fmt.Fprintf(a.stderr, "%s (not shown): ", prompt)
		defer fmt.Fprintln(a.stderr)
	}
	text, err := interruptible(ctx, read)
	after()
	if ctx.Err() != nil {
		return "", sysexits.Errorf(sysexits.NoInput, "", "nothing was changed: the %s was not typed", what)
	}
	return typed(what, text, err)
}

// readPassword is the first line of what is piped in.
func readPassword(in io.Reader) (string, error) {
	text, err := firstLine(in)
	return typed("password", text, err)
}

func firstLine(in io.Reader) ([]byte, error) {
	text, err := bufio.NewReader(io.LimitReader(in, maxPassword)).ReadBytes('\n')
	if err == io.EOF {
		err = nil
	}
	return text, err
}

func typed(what string, text []byte, err error) (string, error) {
	word := strings.TrimRight(string(text), "\r\n")
	switch {
	case err != nil:
		return "", sysexits.Errorf(sysexits.NoInput, "", "the %s could not be read: %w", what, err)
	case word == "":
		return "", sysexits.Errorf(sysexits.NoInput, "type it, or pipe it in", "there was no %s", what)
	}
	return word, nil
}

// interruptible is a read that ends with ctx: no terminal can be told to end one,
// so that it is left to the end of the process.
func interruptible(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// typedIn is the standard input. What a terminal is asked for ends with ctx:
// Ctrl-C is for the person who types, and main keeps it from ending the process.
func (a *app) typedIn(ctx context.Context) io.Reader {
	if file, ok := a.stdin.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
		return a.stdin
	}
	return typing{ctx, a.stdin}
}

type typing struct {
	ctx   context.Context
	under io.Reader
}

func (t typing) Read(p []byte) (int, error) {
	// Another's memory: the read may come to its end long after.
	room := make([]byte, len(p))
	text, err := interruptible(t.ctx, func() ([]byte, error) {
		n, err := t.under.Read(room)
		return room[:n], err
	})
	return copy(p, text), err
}
