// Command asleep is the floor that an idle agent is measured against: a Go
// program that waits for its standard input to end. Whatever wakes it up is
// the doing of Go's runtime.
package main

import "os"

func main() {
	_, _ = os.Stdin.Read(make([]byte, 1))
}
