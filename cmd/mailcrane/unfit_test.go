package main

import (
	"bytes"
	"encoding/base64"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"slices"
	"strings"
	"testing"
)

// Neither Postfix nor Exim offers BINARYMIME, and what they do to such octets
// TestWhatTheServersDoToUnfitOctets shows: it is not to come to that.
func unfits() []nasty {
	text := func(head2, body string) string { return head + head2 + "\n" + body }
	mixed := "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n"
	return []nasty{
		{"nul", "NUL octets", text("", "a\x00b\nc\x00\n\x00")},
		{"bare-cr", "CR without LF, also before CRLF", text("", "a\rb\r\r\nc\n\r\nd\n")},
		{"final-cr", "the last line end is cut in half", crlf(text("", "one\n")) + "two\r"},
		{"line-999", "one octet too long", text("", strings.Repeat("x", 999)+"\nshort\n")},
		{"line-10000", "much too long, with blanks at its end", text("", strings.Repeat("word ", 2000)+"\n.\n"+strings.Repeat(".", 1200))},
		{"long-eight-bit", "long, and not ASCII", text("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n", strings.Repeat("ü", 2000)+"\n=3D not encoded\n")},
		{"long-no-header", "a body only", "Just text. " + strings.Repeat("y", 2000) + "\n"},
		{"binary-part", "one part of three is unfit", text(mixed,
			"--b\nContent-Type: text/plain\n\nfine =20 text\n--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n\n\x00\x01\r\x02\n\xff\n--b\nContent-Type: text/html; charset=utf-8\n\n<p>"+strings.Repeat("é", 600)+"\n--b--\n")},
		{"long-base64", "base64 that was never broken into lines", text(mixed,
			"--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n"+base64.StdEncoding.EncodeToString([]byte(everyOctet()+everyOctet()+everyOctet()+everyOctet()))+"\n--b--\n")},
		{"long-subject", "a field that can be folded", text("Subject: "+strings.Repeat("word ", 300)+"end\n", "x\n")},
		{"long-word", "a field that can be encoded", text("X-Report: "+strings.Repeat("z", 3000)+"\n", "x\n")},
	}
}

func TestWhatAServerCannotTakeArrivesDecodedEqual(t *testing.T) {
	for _, c := range smarthostCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, c, "")
			all := unfits()
			for _, m := range all {
				h.run(strings.NewReader(m.text), "sendmail", "-i", "-f", h.me, h.box.Address(m.name))
			}
			h.flush()
			for _, m := range all {
				got := h.box.Wait(h.box.Address(m.name))
				left, err := withoutFixUps(got.Sent, m.text)
				if err != nil {
					t.Errorf("%s (%s): %v", m.name, m.why, err)
					continue
				}
				fit(t, m, got.Sent)
				sameContent(t, m, left, asKept(m.text, c.blank))
			}
		})
	}
}

// fit says that any server takes the message.
func fit(t *testing.T, m nasty, arrived []byte) {
	t.Helper()
	if i := bytes.IndexAny(arrived, "\x00\r"); i >= 0 {
		t.Errorf("%s: %q arrived at %d", m.name, arrived[i], i)
	}
	for line := range bytes.Lines(arrived) {
		if len(line) > 999 {
			t.Errorf("%s: a line of %d octets arrived", m.name, len(line)-1)
		}
	}
}

// sameContent compares fields and parts, decoded.
func sameContent(t *testing.T, m nasty, arrived, want []byte) {
	t.Helper()
	gotFields, gotParts := contents(t, m, arrived)
	wantFields, wantParts := contents(t, m, want)
	if !slices.Equal(gotFields, wantFields) {
		t.Errorf("%s (%s): header\n%q\nwant\n%q", m.name, m.why, gotFields, wantFields)
	}
	if len(gotParts) != len(wantParts) {
		t.Fatalf("%s: %d parts arrived, want %d", m.name, len(gotParts), len(wantParts))
	}
	for i := range gotParts {
		if got, want := []byte(gotParts[i]), []byte(wantParts[i]); !bytes.Equal(got, want) {
			t.Errorf("%s (%s), part %d: arrived %s\nsent %s", m.name, m.why, i, firstDifference(got, want), firstDifference(want, got))
		}
	}
}

// contents takes a message apart: its fields, unfolded and decoded, but for
// those that say how it is encoded; and its parts, decoded.
func contents(t *testing.T, m nasty, text []byte) (fields, parts []string) {
	t.Helper()
	if bytes.HasPrefix(text, []byte("\n")) {
		text = append([]byte("X-None:\n"), text...)
	}
	header, body, _ := bytes.Cut(text, []byte("\n\n"))
	labels := map[string]string{}
	for line := range strings.SplitSeq(strings.NewReplacer("\n ", " ", "\n\t", "\t").Replace(string(header)), "\n") {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "MIME-Version", "Content-Type", "Content-Transfer-Encoding":
			labels[name] = strings.TrimSpace(value)
		case "X-None":
		default:
			decoded, err := new(mime.WordDecoder).DecodeHeader(value)
			if err != nil {
				t.Fatalf("%s: %v", m.name, err)
			}
			fields = append(fields, name+":"+decoded)
		}
	}
	kind, parameters, _ := mime.ParseMediaType(labels["Content-Type"])
	if kind != "multipart/mixed" {
		return fields, []string{decoded(t, m, labels["Content-Transfer-Encoding"], body)}
	}
	r := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	for {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return fields, parts
		}
		if err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
		octets, err := io.ReadAll(part)
		if err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
		encoding := part.Header.Get("Content-Transfer-Encoding")
		part.Header.Del("Content-Transfer-Encoding")
		for _, name := range slices.Sorted(maps.Keys(part.Header)) {
			fields = append(fields, name+": "+part.Header.Get(name))
		}
		parts = append(parts, decoded(t, m, encoding, octets))
	}
}

// decoded is a part's content with LF for the line ends of text.
func decoded(t *testing.T, m nasty, encoding string, body []byte) string {
	t.Helper()
	var err error
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body, err = io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
	case "base64":
		body, err = io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(body)))
		body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	}
	if err != nil {
		t.Errorf("%s: %v", m.name, err)
	}
	return string(body)
}
