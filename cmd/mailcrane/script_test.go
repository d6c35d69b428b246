package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mailcrane/internal/lab"
)

// The scripts in testdata/script use the programs as a person does. Besides
// testscript's own commands they have:
//
//	code N PROGRAM ARG...     run it: the exit code must be N
//	jsonl N                   stdout is N lines, each a JSON object
//	jsonis LINE FIELD VALUE   a field of that object, "a.0.b" for a nested one
//	jsonget LINE FIELD NAME   put it into the environment
//	spooled N [DIR]           the spool holds N messages, and nothing unfinished
//	helps NAME [SUB]...       every command has a --help with an example
//	agent, stopagent          run mailcrane agent; stop it, it must exit with 0
//	smarthost FILE            start a smarthost, and add its account to FILE
//	follow FILE PROGRAM ARG... run it beside the script; FILE is what it prints
//	await TEXT                it prints that, behind what was awaited before
//	port NAME, hangup         the number behind what was awaited; it gets SIGHUP
//	inqueue TEXT              a message in the queue has it, sooner or later
//	interrupt CODE, ends CODE it gets Ctrl-C; it ends with that code
//
// and the conditions [root], for what only root can set up, and [client:NAME].
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", WorkdirRoot: scripts, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("HOME", home)
			env.Setenv("SPOOL", filepath.Join(home, ".local/state/mailcrane/spool"))
			env.Setenv("BIN", bin)
			env.Setenv("LOGNAME", "root")
			env.Setenv("PATH", bin+":"+os.Getenv("PATH"))
			env.Values[agentKey{}] = new(*agentProcess)
			env.Values[followKey{}] = new(followed)
			return os.MkdirAll(home, 0o755)
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Getuid() == 0, nil
			}
			if name, ok := strings.CutPrefix(cond, "client:"); ok {
				_, err := exec.LookPath(name)
				return err == nil, nil
			}
			return false, fmt.Errorf("there is no condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": scriptCode, "jsonl": scriptJSONL, "jsonis": scriptJSONIs, "jsonget": scriptJSONGet,
			"spooled": scriptSpooled, "helps": scriptHelps, "agent": scriptAgent, "stopagent": scriptStopAgent,
			"smarthost": scriptSmarthost, "follow": scriptFollow, "await": scriptAwait, "interrupt": scriptInterrupt, "ends": scriptEnds,
			"inqueue": scriptInQueue, "port": scriptPort, "hangup": scriptHangup,
		},
	})
}

// needs refuses a wrong use of a command.
func needs(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, !neg && len(args) > 1, "code N PROGRAM ARG...")
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d", code)
	}
}

func objects(ts *testscript.TestScript) []map[string]any {
	var all []map[string]any
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil || !strings.HasSuffix(line, "}\n") {
			ts.Fatalf("not one JSON object on the line %q: %v", line, err)
		}
		all = append(all, object)
	}
	return all
}

func scriptJSONL(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, !neg && len(args) == 1, "jsonl N")
	if n := len(objects(ts)); strconv.Itoa(n) != args[0] {
		ts.Fatalf("%d lines", n)
	}
}

// field is a value of one line's object, as text.
func field(ts *testscript.TestScript, line, path string) string {
	n, err := strconv.Atoi(line)
	ts.Check(err)
	all := objects(ts)
	if n < 1 || n > len(all) {
		ts.Fatalf("there is no line %d", n)
	}
	var at any = all[n-1]
	for name := range strings.SplitSeq(path, ".") {
		switch v := at.(type) {
		case map[string]any:
			at = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(v) {
				ts.Fatalf("there is no %s", path)
			}
			at = v[i]
		default:
			at = nil
		}
	}
	if at == nil {
		return "(none)"
	}
	return fmt.Sprint(at)
}

func scriptJSONIs(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, len(args) == 3, "jsonis LINE FIELD VALUE")
	if got := field(ts, args[0], args[1]); (got == args[2]) == neg {
		ts.Fatalf("%s is %s", args[1], got)
	}
}

func scriptJSONGet(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, !neg && len(args) == 3, "jsonget LINE FIELD NAME")
	ts.Setenv(args[2], field(ts, args[0], args[1]))
}

var messageFile = regexp.MustCompile(`^queue/[a-z0-9]{13}\.[a-z0-9.]+$`)

func scriptSpooled(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, !neg && (len(args) == 1 || len(args) == 2), "spooled N [DIR]")
	dir := ts.Getenv("SPOOL")
	if len(args) == 2 {
		dir = ts.MkAbs(args[1])
	}
	n := 0
	ts.Check(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		switch {
		case messageFile.MatchString(name):
			n++
		case strings.HasPrefix(name, "tmp/route-"), strings.HasPrefix(name, "tmp/transcript-"), strings.HasPrefix(name, "tmp/known-"):
			// A queue run in the background has just seen its account's server.
		case strings.HasPrefix(name, "tmp/"), strings.HasPrefix(name, "damaged/"), strings.HasPrefix(name, "queue/"):
			ts.Fatalf("the spool holds %s", name)
		}
		return err
	}))
	if strconv.Itoa(n) != args[0] {
		ts.Fatalf("the spool holds %d messages", n)
	}
}

// scriptHelps walks the commands below those named, as --help lists them.
func scriptHelps(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, !neg && len(args) > 0, "helps NAME [SUB]...")
	ts.Check(ts.Exec(args[0], append(args[1:], "--help")...))
	help := ts.ReadFile("stdout")
	words := strings.Join(args, " ")
	if _, example, ok := strings.Cut(help, "\nExamples:\n"); !ok || !strings.HasPrefix(strings.TrimPrefix(example, "  sudo "), words) && !strings.HasPrefix(example, "  "+words) && len(args) > 1 {
		ts.Fatalf("%s --help has no example", words)
	}
	if said := ts.ReadFile("stderr"); said != "" {
		ts.Fatalf("%s --help complains: %s", words, said)
	}
	_, list, ok := strings.Cut(help, "Available Commands:\n")
	if !ok {
		return
	}
	for line := range strings.Lines(list) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "" {
			break
		}
		if name != "help" { // cobra's own
			scriptHelps(ts, false, append(slices.Clone(args), name))
		}
	}
}

// scriptSmarthost starts the demo's smarthost, which takes all mail.
func scriptSmarthost(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, !neg && len(args) == 1, "smarthost FILE")
	server, err := newDemoServer(ts.MkAbs("."), time.Now())
	ts.Check(err)
	ts.Defer(server.close)
	ts.Check(server.listen())
	file := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(file), 0o755))
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	ts.Check(err)
	_, err = f.WriteString(server.account())
	ts.Check(errors.Join(err, f.Close()))
}

type agentKey struct{}

func scriptAgent(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, !neg && len(args) == 0, "agent")
	var env []string
	for _, name := range []string{"HOME", "PATH", "MAILCRANE_CONFIG"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	a, err := startAgent(env)
	ts.Check(err)
	*ts.Value(agentKey{}).(**agentProcess) = a
	ts.Defer(func() { a.stop() })
}

func scriptStopAgent(ts *testscript.TestScript, neg bool, args []string) {
	needs(ts, !neg && len(args) == 0, "stopagent")
	ts.Check((*ts.Value(agentKey{}).(**agentProcess)).stop())
}

// A script whose parts are not there is skipped by testscript; this one tells
// which, so that none is skipped unseen where the lab is required.
func TestScriptsHaveTheirParts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	wants := regexp.MustCompile(`\[!client:([a-z]+)\] skip`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range wants.FindAllSubmatch(text, -1) {
			lab.Client(t, string(m[1]))
		}
		if bytes.Contains(text, []byte("[!root] skip")) && os.Getuid() != 0 {
			lab.Missing(t, file+" and to be root", "sudo go test ./...")
		}
	}
}
