package main

import (
	"fmt"
	"math"
	"os"
	"testing"
)

// /proc/loadavg is hidden from the machine's service, and says the same here.
func TestTheLoadIsTheKernels(t *testing.T) {
	const near = 0.2 // it may change in between
	var want float64
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Skip("no /proc/loadavg here")
	}
	if _, err := fmt.Sscan(string(text), &want); err != nil {
		t.Fatal(err)
	}
	if got := loadAverage(); math.Abs(got-want) > near {
		t.Errorf("load %v, want %v", got, want)
	}
}
