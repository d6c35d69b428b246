// Package greylist puts off mail from clients that were never seen to try again
// (RFC 6647).
package greylist

// A List knows who has tried again. It is safe for use by several goroutines.
type List struct{}
