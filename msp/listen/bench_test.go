package listen

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"

	"mailcrane/queue"
)

// BenchmarkTenMegabytes is what the framing costs, without a queue.
func BenchmarkTenMegabytes(b *testing.B) {
	message := bytes.Repeat([]byte("0123456789012345678901234567890123456789012345678901234567890123456789\r\n"), 10<<20/72)
	submit := func(_ context.Context, _ *queue.Envelope, m io.Reader) (queue.ID, error) {
		_, err := io.Copy(io.Discard, m)
		return "id", err
	}
	for _, form := range []struct{ name, before, after string }{
		{"DATA", "DATA\r\n", ".\r\n"},
		{"BDAT", fmt.Sprintf("BDAT %d LAST\r\n", len(message)), ""},
	} {
		in := bytes.Join([][]byte{[]byte("EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<a@b.c>\r\n" + form.before), message, []byte(form.after)}, nil)
		b.Run(form.name, func(b *testing.B) {
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				if err := New(submit, Options{}).ServeStdio(context.Background(), bytes.NewReader(in), io.Discard, "me"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
