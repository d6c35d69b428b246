package recode

import (
	"bytes"
	"encoding/base64"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// attachment is a message of about n octets with one part.
func attachment(n int, head, line string) []byte {
	return []byte("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nabcdef\u00e9\n--b\n" + head + "\n" +
		strings.Repeat(line, n/len(line)) + "\n--b--\n")
}

func BenchmarkConvert(b *testing.B) {
	const size = 8 << 20
	line64 := base64.StdEncoding.EncodeToString(make([]byte, 57)) + "\r\n"
	for _, bb := range []struct {
		name, head, line string
	}{
		{"clean base64 attachment", "Content-Type: image/png\nContent-Transfer-Encoding: base64\n", line64},
		{"text to quoted-printable", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n", "Ein Satz mit \u00dcbermut und sonst nicht viel, das man maskieren m\u00fcsste.\r\n"},
		{"octets to base64", "Content-Type: image/png\nContent-Transfer-Encoding: binary\n", strings.Repeat("\x00\xff\x10\r\n\x80", 40)},
		{"one line to quoted-printable", "Content-Type: text/plain\n", "x"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			in := attachment(size, bb.head, bb.line)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if err := Convert(io.Discard, bytes.NewReader(in), all); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// hard are messages that might cost much more than their size.
func hard(n int) map[string][]byte {
	nested := "MIME-Version: 1.0\n"
	for range maxDepth {
		nested += "Content-Type: multipart/mixed; boundary=-\n\n---\n"
	}
	return map[string][]byte{
		"one line":                         attachment(n, "Content-Type: text/plain\n", "\u00e9"),
		"one line, not MIME":               []byte("A: b\n\n" + strings.Repeat("\u00e9", n/2)),
		"NUL only":                         attachment(n, "", "\x00"),
		"empty lines":                      attachment(n, "Content-Type: a/b\nContent-Transfer-Encoding: binary\n", "\n"),
		"lines like boundaries, many deep": []byte(nested + "\n\u00e9\n" + strings.Repeat("--\n", n/3)),
		"nothing but boundaries":           attachment(n, "", "--b\n"),
		"nothing but boundaries, 8-bit":    append(attachment(n, "", "--b\n"), '\xe9'),
		"white space in quoted-printable":  attachment(n, "Content-Transfer-Encoding: quoted-printable\n", " "),
		"escapes in quoted-printable":      attachment(n, "Content-Transfer-Encoding: quoted-printable\n", "=20"),
		"CR only in base64":                attachment(n, "Content-Transfer-Encoding: base64\n", "\r"),
		"header that never ends":           []byte(strings.Repeat("A: \u00e9\n", maxHeader/3)),
		"header of many fields":            []byte(strings.Repeat("A: \u00e9\n", maxHeader/6-9) + "\n"),
		"header of one line":               []byte("A:" + strings.Repeat(" \u00e9", maxField/3-3) + "\n\n"),
		"words to be joined":               []byte("To:" + strings.Repeat("\u00e9\"\"", maxField/4-3) + "<a@b>\n\n"),
		"comments in comments":             []byte("To: " + strings.Repeat("(\u00e9", maxField/5) + strings.Repeat(")", maxField/5) + "\n\n"),
		"parameters":                       []byte("Content-Type: a/b" + strings.Repeat("; a=\u00e9", maxField/6-9) + "\n\n"),
		"quotes that never close":          []byte("To: " + strings.Repeat("\"\\", maxField/2-9) + "\u00e9\n\n"),
	}
}

func TestNoMessageTakesMuchMemoryOrTime(t *testing.T) {
	const size = 1 << 20
	for name, in := range hard(size) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := time.Now()
		err := Convert(io.Discard, bytes.NewReader(in), all)
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		allocated := (after.TotalAlloc - before.TotalAlloc) >> 10
		t.Logf("%-34s %7d KiB allocated, %v, %.90v", name, allocated, took.Round(time.Millisecond), err)
		// Garbage counts here. What is in a header may cost a multiple of its
		// 1 MiB, what is in a body nothing that grows with it.
		limit := uint64(16 << 10)
		if i := bytes.Index(in, []byte("\n\n")); i < 0 || i > 1<<10 {
			limit = 256 << 10
		}
		if allocated > limit {
			t.Errorf("%s: %d KiB allocated", name, allocated)
		}
		if took > 30*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}
