package main

import (
	"os"
	"strconv"
	"strings"
)

// loadAverage is the machine's load over the last minute, 0 where it cannot be
// told: mail waits for no other reason than a load that is known.
func loadAverage() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	load, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return load
}
