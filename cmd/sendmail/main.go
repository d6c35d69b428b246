// Command sendmail takes in a message as sendmail does. It is small because it
// is started once a message; what needs more than keeping the message it
// hands to mailcrane, which stands beside it.
package main

import (
	"context"
	"os"

	"mailcrane/msp"
)

func main() {
	growStack(false)
	p := msp.Process("(built from source)")
	p.Handoff = msp.HandOff
	os.Exit(msp.Main(context.Background(), p))
}

// growStack makes the stack as large as a submission needs while there is
// nothing on it: growing it deep in a call copies and adjusts every frame,
// several times over, in a process that lives for two milliseconds. A function
// is entered with room for all its variables, so nothing need be written to
// them: that would only have the kernel find memory for pages that the
// submission may never reach.
//
//go:noinline
func growStack(use bool) byte {
	if !use {
		return 0
	}
	var room [24 << 10]byte
	return room[len(os.Args)%len(room)]
}
