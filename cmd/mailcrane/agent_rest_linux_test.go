package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"mailcrane/internal/lab"
)

func TestOnlyUnwrittenPagesOfTheProgramAreGivenBack(t *testing.T) {
	const path = "/opt/mail crane/mailcrane"
	for _, test := range []struct {
		reason, line, anonymous string
		want                    []stretch
	}{
		{"its code", "00400000-00800000 r-xp 00000000 fe:00 17 " + path, "0", []stretch{{0x400000, 0x800000}}},
		{"its constants", "00800000-00c00000 r--p 00400000 fe:00 17 " + path, "0", []stretch{{0x800000, 0xc00000}}},
		{"what a loader has relocated", "00800000-00c00000 r--p 00400000 fe:00 17 " + path, "8", nil},
		{"its variables", "00c00000-00d00000 rw-p 00800000 fe:00 17 " + path, "0", nil},
		{"the heap", "c000000000-c000400000 r--p 00000000 00:00 0", "0", nil},
		{"another file", "7f0000000000-7f0000100000 r-xp 00000000 fe:00 18 /lib/libc.so.6", "0", nil},
		{"no range", "x-y r-xp 00000000 fe:00 17 " + path, "0", nil},
		{"upside down", "00800000-00400000 r-xp 00000000 fe:00 17 " + path, "0", nil},
	} {
		t.Run(test.reason, func(t *testing.T) {
			smaps := test.line + "\nSize: 4096 kB\nAnonymous: " + test.anonymous + " kB\nVmFlags: rd ex mr mw me \n" +
				"7fff00000000-7fff00021000 rw-p 00000000 00:00 0 [stack]\nAnonymous: 0 kB\n"
			if got := unwritten(strings.NewReader(smaps), path); !slices.Equal(got, test.want) {
				t.Errorf("given back are %x, want %x", got, test.want)
			}
		})
	}
}

// An idle agent that kept all pages of the start had three times the memory.
func TestARestingProgramKeepsFewPagesOfItsFile(t *testing.T) {
	pages := func() int {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		return lab.StatusNumber(t, string(status), "RssFile")
	}
	before := pages()
	giveBackProgram()
	if after := pages(); after > before/2 {
		t.Errorf("of %d kB of files %d are still there", before, after)
	}
}
