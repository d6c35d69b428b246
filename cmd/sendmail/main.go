// Command sendmail takes in a message as sendmail does. It is small because it
// is started once a message; what needs more than keeping the message it
// hands to mailcrane, which stands beside it.
package main

import (
	"context"
	"os"
	"runtime/debug"

	"mailcrane/msp"
)

func main() {
	// The process lives for a few milliseconds: it is over before collecting
	// would pay. The limit holds where a message keeps it longer.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(6 << 20)
	p := msp.Process("(built from source)")
	p.Handoff = msp.HandOff
	os.Exit(msp.Main(context.Background(), p))
}
