package logbook

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"
)

// Options say how a log is written, and where.
type Options struct {
	// Level is LogLevel.
	Level int
	// Format is "json", or "text" and "".
	Format string
	// Target is as in the configuration: "stderr" and "", "journal", "syslog",
	// "syslog:unix:PATH", "syslog:udp:HOST:PORT".
	Target string
	// Tag is what syslog and the journal call the program.
	Tag string
	// Stderr takes what goes there. Stamped says that its reader, a journal, puts
	// the time before each line itself.
	Stderr  io.Writer
	Stamped bool
	// Told says that what becomes of recipients comes as Line: the queue's own
	// words about that are left out.
	Told bool
}

// Open opens a log. Close writes what still waits, for as long as a second; a
// line after that goes nowhere. It does not wait for a syslogd or a journal:
// neither need be there yet, or stay.
func Open(o Options) (log *slog.Logger, closes func(), err error) {
	t, err := o.target()
	if err != nil {
		return nil, nil, err
	}
	var h slog.Handler = plain{to: t, stamped: o.Stamped || o.Target != "" && o.Target != "stderr"}
	switch {
	case o.Format == "json":
		h = jsonLines(t, o.Stamped)
	case o.Target == "journal":
		h = plain{to: t, stamped: true, fielded: true}
	}
	return slog.New(levelAt(h, o.Level, o.Told)), t.close, nil
}

// A target takes lines, each with its level, and in a journal its fields.
type target interface {
	write(level Level, line string, fields map[string]string)
	close()
}

func (o Options) target() (target, error) {
	where, isSyslog := strings.CutPrefix(o.Target, "syslog")
	switch {
	case o.Target == "", o.Target == "stderr":
		return &stream{to: o.Stderr}, nil
	case isSyslog:
		return newQueued(newSyslog(o.Tag, strings.TrimPrefix(where, ":"))), nil
	case o.Target == "journal":
		to, err := newJournal(o.Tag)
		if err != nil {
			return nil, err
		}
		return newQueued(to), nil
	}
	return nil, fmt.Errorf("%q is no place for a log", o.Target)
}

// plain writes a line as its message, then the attributes that no line of
// sendmail's has in it.
type plain struct {
	to      target
	stamped bool // the target knows the time
	fielded bool // the target takes fields
	attrs   []slog.Attr
	group   string
}

func (plain) Enabled(context.Context, slog.Level) bool { return true }

func (h plain) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	if !h.stamped {
		b.WriteString(r.Time.Format(time.RFC3339) + " ")
	}
	b.WriteString(oneLine(r.Message))
	var fields map[string]string
	if h.fielded {
		fields = make(map[string]string)
	}
	for _, a := range h.attrs {
		h.add(&b, fields, a)
	}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "" && h.group != "" {
			a.Key = h.group + a.Key
		}
		h.add(&b, fields, a)
		return true
	})
	h.to.write(levelOf(r), b.String(), fields)
	return nil
}

// add writes an attribute; the facts of one of sendmail's lines are fields only.
func (h plain) add(b *strings.Builder, fields map[string]string, a slog.Attr) {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		for _, each := range value.Group() {
			if a.Key != "" {
				each.Key = a.Key + "." + each.Key
				h.add(b, fields, each)
			} else if fields != nil {
				fields[each.Key] = text(each.Value)
			}
		}
		return
	}
	if fields != nil {
		fields[a.Key] = text(value)
	}
	if a.Key == levelKey {
		return
	}
	said := oneLine(text(value))
	if said == "" || strings.ContainsAny(said, " \"=") {
		said = fmt.Sprintf("%q", said)
	}
	b.WriteString(" " + a.Key + "=" + said)
}

func text(v slog.Value) string { return v.Resolve().String() }

func (h plain) WithAttrs(attrs []slog.Attr) slog.Handler {
	all := append([]slog.Attr{}, h.attrs...)
	for _, a := range attrs {
		a.Key = h.group + a.Key
		all = append(all, a)
	}
	h.attrs = all
	return h
}

func (h plain) WithGroup(name string) slog.Handler {
	h.group += name + "."
	return h
}

// jsonLines writes an object a line.
func jsonLines(t target, stamped bool) slog.Handler {
	return slog.NewJSONHandler(lineWriter{t}, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if stamped && len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})
}

// lineWriter passes on what slog writes, a line at a time.
type lineWriter struct{ target }

func (w lineWriter) Write(p []byte) (int, error) {
	w.write(Deferrals, strings.TrimSuffix(string(p), "\n"), nil)
	return len(p), nil
}

// pid is the process as syslog names it.
func pid() string { return fmt.Sprint(os.Getpid()) }
