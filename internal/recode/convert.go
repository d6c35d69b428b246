// Package recode puts a message into a form that a lesser server can take,
// without loss, by MIME encoding (RFC 2045, 2046, 2047, 2231, RFC 6152
// section 3, RFC 1428). It reads the message twice, keeps at most one header
// section in memory, and writes nothing before the first reading has shown
// what has to change.
package recode

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// A Need says what the server cannot take.
type Need struct {
	// SevenBit: the server has no 8BITMIME (RFC 6152): no octet above 127 may
	// remain, in the body or in a header.
	SevenBit bool
	// ShortLines: the server has no BINARYMIME (RFC 3030): no line over 998
	// octets, no NUL, no CR without LF may remain.
	ShortLines bool
}

// Impossible says that a message cannot be converted without a change of what
// it means. RFC 3463 calls this 5.6.3, conversion required but not supported.
type Impossible struct {
	// What says which part cannot be converted, and why.
	What string
	// Do says what the sender can do.
	Do string
}

func (e *Impossible) Error() string { return e.What + "; " + e.Do }

// The bounds. What lies beyond them is not taken apart: it passes as it is
// when it is clean, and is Impossible when it is not.
const (
	maxHeader = 1 << 20  // octets of one header section
	maxField  = 64 << 10 // octets of one field that needs a change
	maxDepth  = 100      // multiparts and messages inside each other
	maxParts  = 10000    // header sections in a message
	maxLine   = 998      // octets of a line without CRLF, RFC 5322 section 2.1.1
	bufSize   = 64 << 10
)

// Convert copies the message r to w in a form that satisfies need. Lines of r
// end in LF or CRLF, those written always in CRLF; a CR without LF is content.
// Where r is an io.Seeker (a file) it is read twice from where it stands;
// otherwise a copy is kept, beyond 256 KiB in a temporary file.
//
// Only what is unfit changes, the rest passes octet for octet:
//
//   - A text part becomes quoted-printable, or base64 where more than 30 % of
//     its octets need an escape; any other part becomes base64. A part that is
//     labelled "binary" and is not text keeps its octets exactly, so it is also
//     encoded where it has an LF alone, which CRLF would replace.
//   - A part that is base64 or quoted-printable already, and has lines too
//     long or octets that should have been escaped, is wrapped again.
//   - A message that is not MIME gets MIME-Version and Content-Type, with
//     charset us-ascii, utf-8 or, where it is neither, unknown-8bit (RFC 1428).
//   - Content-Transfer-Encoding labels 8bit and binary that no longer hold
//     become what need allows.
//   - Header text becomes encoded-words (RFC 2047), MIME parameters extended
//     ones (RFC 2231); long header lines are folded at white space.
//
// An *Impossible is returned, and what was written is to be thrown away, for
//
//   - unfit content inside multipart/signed: its signature would break;
//   - unfit message/partial, message/external-body and other message types
//     that may not be encoded (RFC 2046 section 5.2), message/rfc822 that is
//     labelled as encoded, and multiparts labelled as encoded or without a
//     usable boundary;
//   - unfit text before the first or behind the last part of a multipart;
//   - an unfit part with an unknown Content-Transfer-Encoding, contradictory
//     fields, a header line that is not a field, or quoted-printable or base64
//     too broken to be wrapped again;
//   - a non-ASCII address, which needs SMTPUTF8, or such a message identifier
//     or boundary;
//   - NUL or CR without LF in a header, an unfit header line that is not a
//     field, and a line over 998 octets with no place to fold it;
//   - unfit content beyond the bounds: a header section over 1 MiB, a
//     field over 64 KiB, more than 100 levels, more than 10000 parts.
//
// A DKIM signature over what changes does not survive; that is no reason to
// refuse, since a failed signature counts as none (RFC 6376 section 6.3).
//
// Any other error is one of reading or writing.
func Convert(w io.Writer, r io.Reader, need Need) error {
	src, err := rereadable(r)
	if err != nil {
		return err
	}
	err = convert(w, src, need)
	if closeErr := src.Close(); closeErr != nil {
		return errors.Join(err, closeErr)
	}
	return err
}

func convert(w io.Writer, src source, need Need) error {
	parts, err := survey(src, need)
	if err != nil {
		return err
	}
	if err := src.rewind(); err != nil {
		return fmt.Errorf("reading the message again: %w", err)
	}
	out := rewriter{in: newScanner(src), out: bufio.NewWriterSize(w, bufSize), need: need}
	if err := out.message(parts); err != nil {
		return err
	}
	if err := out.out.Flush(); err != nil {
		return fmt.Errorf("writing the converted message: %w", err)
	}
	return nil
}
