package certificate

import (
	"context"
	"log/slog"

	"go.uber.org/zap/zapcore"
)

// slogCore lets certmagic's log, which is zap's, go where ours goes.
type slogCore struct{ log *slog.Logger }

func (c slogCore) Enabled(level zapcore.Level) bool {
	return level >= zapcore.InfoLevel && c.log.Enabled(context.Background(), levelOf(level))
}

func (c slogCore) With(fields []zapcore.Field) zapcore.Core {
	return slogCore{c.log.With(attributes(fields)...)}
}

func (c slogCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

func (c slogCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	c.log.Log(context.Background(), levelOf(entry.Level), "certificate: "+entry.Message, attributes(fields)...)
	return nil
}

func (c slogCore) Sync() error { return nil }

// levelOf calls certmagic's progress what sendmail logs at a high level only.
func levelOf(level zapcore.Level) slog.Level {
	switch {
	case level >= zapcore.ErrorLevel:
		return slog.LevelError
	case level >= zapcore.WarnLevel:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

func attributes(fields []zapcore.Field) []any {
	flat := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(flat)
	}
	list := make([]any, 0, len(flat.Fields))
	for name, value := range flat.Fields {
		list = append(list, slog.Any(name, value))
	}
	return list
}
