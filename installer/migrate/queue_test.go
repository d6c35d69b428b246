package migrate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"mailcrane/queue"
)

// A record is one of Postfix's queue file.
func record(kind byte, text string) string {
	n := len(text)
	b := []byte{kind}
	for n >= 0x80 {
		b = append(b, byte(n&0x7f|0x80))
		n >>= 7
	}
	return string(append(b, byte(n))) + text
}

func postfixSample() string {
	return record('C', "             100              85               2               2             100               0") +
		record('T', "1795369395 284547") + record('A', "envelope_id=env7") + record('A', "ret_flags=2") + record('S', "me@bench.test") +
		record('A', "notify_flags=10") + record('A', "dsn_orig_rcpt=rfc822;ann+tag@example.test") + record('O', "ann@example.test") + record('R', "ann@example.test") +
		record('D', "done@example.test") + record('R', "bob@example.test") + record('M', "") +
		record('N', "Subject: x") + record('N', "") + record('L', strings.Repeat("y", 2048)) + record('N', "end") + record('X', "") + record('E', "")
}

const (
	eximHead = "1xVBat-00044g-0X-H\nroot 0 0\n<me@bench.test>\n1795369395 0\n-received_time_usec .1\n-frozen 1795369400\n--dsn_envid env7\n-dsn_ret 2\n" +
		"NY done@example.test\nNN done2@example.test\n5\nann@example.test rfc822;ann@example.test 23,20 0,-1#3\nbob@example.test\n\"a b\"@example.test me@x.test 9,-1#1\nDone@example.test\njournal@example.test\n\n" +
		"012  Subject: xy\n008* Bcc: z\n\n"
	sendmailQF = "V8\nT1795369395\nK0\nN0\nP60091\nFbdns\n$_root@localhost\nSme@bench.test\nZenv1\nC:ann@example.test\nQrfc822;old+2Btag@example.test\nrRFC822; ann@example.test\nRPNFD:ann@example.test\nrRFC822; bob@example.test\nRPN:bob@example.test\nRPFD:<carl@example.test>\n" +
		"H?P?Return-Path: <\x81g>\nH??Received: (from root@localhost)\n\tby bench.test\nH?D?Date: x\nH??Bcc: z@example.test\nH??Subject: x\n.\n"
)

// queues are the files of each program's queue as it writes them.
func queues() []txtar.File {
	file := func(name, text string) txtar.File { return txtar.File{Name: name, Data: []byte(text)} }
	return []txtar.File{
		file("var/spool/nullmailer/queue/1.2", "me@bench.test\nann@example.test\nbob@example.test\n\nSubject: x\n\nhello\n"),
		file("var/spool/nullmailer/failed/1.3", "\nann@example.test\n\nSubject: bounce\n\nhello\n"),
		file("var/spool/dma/Q1.a", "ID: 1.a\nSender: me@bench.test\nRecipient: ann@example.test\n"),
		file("var/spool/dma/M1.a", "Subject: x\n\nhello\n"),
		file("var/spool/exim4/input/1xVBat-00044g-0X-H", eximHead),
		file("var/spool/exim4/input/1xVBat-00044g-0X-D", "1xVBat-00044g-0X-D\nhello\n"),
		file("var/spool/exim4/input/1xVBat-00044g-0X-J", "journal@example.test\n"),
		file("var/spool/mqueue/qf6AMHhF22015658", sendmailQF),
		file("var/spool/mqueue/df6AMHhF22015658", "hello\n"),
		file("var/spool/postfix/deferred/4/459F211A219", postfixSample()),
		file("home/me/.msmtp.queue/1.mail", "From: me@bench.test\nTo: ann@example.test\nBcc: bob@example.test\n\nhello\n"),
		file("home/me/.msmtp.queue/1.msmtp", "-t -a work\n"),
		file("home/me/.msmtprc", "account work\nhost h.example\nfrom work@bench.test\n"),
	}
}

func queued(t testing.TB, dir string) []*Found {
	t.Helper()
	// Postfix marks a whole file so.
	filepath.Walk(filepath.Join(dir, "var/spool/postfix"), func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			return os.Chmod(path, 0o700)
		}
		return nil
	})
	found, err := Read(context.Background(), machineAt(dir), Options{QueueOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func text(t testing.TB, l *Letter) (string, error) {
	t.Helper()
	r, err := l.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	return string(all), err
}

func TestQueuesAreReadAsTheirProgramsWriteThem(t *testing.T) {
	type want struct{ from, to, dsn, text, held string }
	wants := map[string][]want{
		"nullmailer": {
			{"me@bench.test", "ann@example.test bob@example.test", "", "Subject: x\n\nhello\n", ""},
			{"", "ann@example.test", "", "Subject: bounce\n\nhello\n", "nullmailer had given it up"},
		},
		"dma": {{"me@bench.test", "ann@example.test", "", "Subject: x\n\nhello\n", ""}},
		"exim": {{
			"me@bench.test", "ann@example.test bob@example.test \"a b\"@example.test", "HDRS env7 ann@example.test=SUCCESS,DELAY,rfc822;ann@example.test", "Subject: xy\n\nhello\n", "Exim had frozen it",
		}},
		"sendmail": {{
			"me@bench.test", "ann@example.test bob@example.test carl@example.test", "HDRS env1 ann@example.test=FAILURE,DELAY,rfc822;old+2Btag@example.test bob@example.test=NEVER,",
			"Received: (from root@localhost)\n\tby bench.test\nDate: x\nSubject: x\n\nhello\n", "",
		}},
		"postfix": {{
			"me@bench.test", "ann@example.test bob@example.test", "HDRS env7 ann@example.test=SUCCESS,DELAY,rfc822;ann+2Btag@example.test", "Subject: x\n\n" + strings.Repeat("y", 2048) + "end\n", "",
		}},
		"msmtp": {{"work@bench.test", "ann@example.test bob@example.test", "", "From: me@bench.test\nTo: ann@example.test\n\nhello\n", ""}},
	}
	for _, f := range queued(t, root(t, queues())) {
		if len(f.Left) > 0 {
			t.Errorf("%s: %v", f.Program, f.Left)
		}
		var got []want
		for _, l := range f.Queue {
			var to, dsn []string
			if l.Ret+l.EnvID != "" {
				dsn = append(dsn, l.Ret, l.EnvID)
			}
			for _, r := range l.To {
				to = append(to, r.Address)
				if r.Notify+r.ORcpt != "" {
					dsn = append(dsn, r.Address+"="+r.Notify+","+r.ORcpt)
				}
			}
			body, err := text(t, l)
			if err != nil {
				t.Error(err)
			}
			got = append(got, want{l.From, strings.Join(to, " "), strings.Join(dsn, " "), body, l.Held})
		}
		if len(got) != len(wants[f.Program]) {
			t.Errorf("%s: %+v", f.Program, got)
		}
		for i := range got {
			found := false
			for _, w := range wants[f.Program] {
				found = found || w == got[i]
			}
			if !found {
				t.Errorf("%s: got  %+v\nwant %+v", f.Program, got[i], wants[f.Program])
			}
		}
		delete(wants, f.Program)
	}
	if len(wants) > 0 {
		t.Errorf("not found: %v", wants)
	}
}

func TestACommandLineOfMsmtpIsReadAsMsmtpDoes(t *testing.T) {
	for line, want := range map[string]string{
		"-oi -f me@x.test -- ann@x.test -t":                         "me@x.test true  [] false [ann@x.test -t]",
		"--from me@x.test ann@x.test":                               "me@x.test true  [] false [ann@x.test]",
		"--from=me@x.test -awork -t":                                "me@x.test true work [] true []",
		"-o i -L tag --host h.test -N delay,failure -R headers a@x": " false  [DELAY,FAILURE HDRS] false [a@x]",
		"-f": " true  [] false []",
		"-N": " false  [] false []",
	} {
		c := msmtpCall(strings.Fields(line))
		if got := fmt.Sprint(c.from, " ", c.hasFrom, " ", c.account, " ", strings.Fields(c.notify+" "+c.ret), " ", c.fromHeader, " ", c.recipients); got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}

// Whatever stands in a queue, it is taken whole or named.
func TestHostileFilesAreNamedAndSkipped(t *testing.T) {
	for why, spoil := range map[string]func(path string) error{
		"cut short":       func(path string) error { return os.Truncate(path, 11) },
		"empty":           func(path string) error { return os.Truncate(path, 0) },
		"a symbolic link": func(path string) error { return errors.Join(os.Rename(path, path+"x"), os.Symlink(path+"x", path)) },
		"a directory":     func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"a second name":   func(path string) error { return os.Link(path, filepath.Join(filepath.Dir(path), "..", "other")) },
		"huge":            func(path string) error { return os.Truncate(path, mostMessage+1) },
	} {
		for program, file := range map[string]string{
			"nullmailer": "var/spool/nullmailer/queue/1.2", "dma": "var/spool/dma/Q1.a", "exim": "var/spool/exim4/input/1xVBat-00044g-0X-H",
			"sendmail": "var/spool/mqueue/qf6AMHhF22015658", "postfix": "var/spool/postfix/deferred/4/459F211A219", "msmtp": "home/me/.msmtp.queue/1.mail",
		} {
			t.Run(program+" "+why, func(t *testing.T) {
				if program == "msmtp" && (why == "cut short" || why == "empty") {
					t.Skip("a message may be as short; nobody is its recipient then")
				}
				dir := root(t, queues())
				if err := os.Chmod(filepath.Join(dir, filepath.FromSlash(file)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := spoil(filepath.Join(dir, filepath.FromSlash(file))); err != nil {
					t.Fatal(err)
				}
				for _, f := range queued(t, dir) {
					if f.Program != program {
						if len(f.Left) > 0 {
							t.Errorf("%s: %v", f.Program, f.Left)
						}
						continue
					}
					named := false
					for _, l := range f.Left {
						named = named || strings.HasPrefix(l.Where, "/"+file)
					}
					for _, l := range f.Queue {
						if l.File == "/"+file {
							t.Errorf("it is taken: %+v", l)
						}
					}
					if !named {
						t.Errorf("it is not named: %v", f.Left)
					}
				}
			})
		}
	}
}

// A link above a queue of another machine's disk must not lead to one of this
// machine.
func TestALinkAboveAQueueDoesNotLeaveTheOtherMachinesDisk(t *testing.T) {
	here, dir := root(t, queues()), root(t, nil)
	if err := os.Symlink(filepath.Join(here, "var"), filepath.Join(dir, "var")); err != nil {
		t.Fatal(err)
	}
	for _, f := range queued(t, dir) {
		for _, l := range f.Queue {
			t.Errorf("%s: %s is taken from this machine", f.Program, l.File)
		}
		if len(f.Left) == 0 {
			t.Errorf("%s: nothing is said", f.Program)
		}
	}
}

func TestAMessageIsTakenOnceWhateverStopsTheImport(t *testing.T) {
	dir := root(t, queues())
	spool := queue.NewSpool(filepath.Join(t.TempDir(), "spool"), queue.OS{}, time.Now)
	take := func() (fresh, again int) {
		ledger, err := OpenLedger(t.Context(), spool)
		if err != nil {
			t.Fatal(err)
		}
		defer ledger.Close()
		for _, f := range queued(t, dir) {
			for _, l := range f.Queue {
				_, taken, err := ledger.Take(t.Context(), f.Program, l, "me@bench.test", spool.Put)
				switch {
				case err != nil:
					t.Errorf("%s: %v", l.File, err)
				case taken:
					again++
				default:
					fresh++
				}
			}
		}
		return fresh, again
	}
	if fresh, again := take(); fresh != 7 || again != 0 {
		t.Fatalf("first: %d, %d", fresh, again)
	}
	if fresh, again := take(); fresh != 0 || again != 7 {
		t.Errorf("second: %d, %d", fresh, again)
	}
	names, err := spool.Sorted()
	if err != nil || len(names) != 7 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, n := range names {
		if !n.Held {
			t.Errorf("%s is not held", n.ID)
		}
	}
	// The machine stopped after the message was accepted and before it was noted.
	if err := os.Remove(filepath.Join(spool.Dir(), ledgerName)); err != nil {
		t.Fatal(err)
	}
	if fresh, again := take(); fresh != 0 || again != 7 {
		t.Errorf("after a stop: %d, %d", fresh, again)
	}
	// It has gone, and its program would show it still.
	for _, n := range names {
		if err := spool.Remove(t.Context(), n.ID); err != nil {
			t.Fatal(err)
		}
	}
	if fresh, again := take(); fresh != 0 || again != 7 {
		t.Errorf("after it has gone: %d, %d", fresh, again)
	}
}

func FuzzQueues(f *testing.F) {
	for _, file := range queues() {
		f.Add(file.Name, file.Data)
	}
	f.Add("var/spool/postfix/deferred/4/459F211A219", []byte(record('p', "0")+record('p', "3")))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		files := queues()
		known := false
		for i := range files {
			if files[i].Name == name {
				files[i].Data, known = data, true
			}
		}
		if !known {
			return
		}
		for _, found := range queued(t, root(t, files)) {
			for _, l := range found.Queue {
				first, err1 := text(t, l)
				second, err2 := text(t, l)
				if first != second || (err1 == nil) != (err2 == nil) {
					t.Errorf("%s is not read twice alike", l.File)
				}
				if e, err := l.Envelope("me@bench.test"); err == nil && (len(e.To) == 0 || bytes.ContainsAny([]byte(e.From), "\r\n")) {
					t.Errorf("%+v", e)
				}
			}
		}
	})
}
