package main

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// giveBackProgram has the system take back the pages of the program's own file
// that only the start has touched: the library of a server's half is a third of
// them. A page that is needed again comes out of the page cache.
func giveBackProgram() {
	path, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer maps.Close()
	for _, s := range unwritten(maps, path) {
		// This is harmless exactly because nothing in the stretch differs from the file.
		// What is refused leaves the memory as it is.
		_ = madvise(s, unix.MADV_DONTNEED)
	}
}

// A stretch is a part of the address space, from begin up to end.
type stretch struct{ begin, end uintptr }

func madvise(s stretch, advice uintptr) error {
	if _, _, code := unix.Syscall(unix.SYS_MADVISE, s.begin, s.end-s.begin, advice); code != 0 {
		return code
	}
	return nil
}

// unwritten are the mappings of the file in the text of proc(5)'s smaps that
// cannot be written and of which no page differs from the file. Those that a
// loader has relocated do, and to give them back would undo it.
func unwritten(smaps io.Reader, path string) []stretch {
	var (
		stretches []stretch
		last      *stretch
	)
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 2 && strings.HasSuffix(fields[0], ":"):
			if last != nil && fields[0] == "Anonymous:" && fields[1] == "0" {
				stretches = append(stretches, *last)
			}
		case len(fields) >= 5:
			last = nil
			s, ok := parseSpan(fields[0])
			if ok && strings.Join(fields[5:], " ") == path && !strings.Contains(fields[1], "w") {
				last = &s
			}
		}
	}
	return stretches
}

func parseSpan(text string) (stretch, bool) {
	from, to, _ := strings.Cut(text, "-")
	begin, err1 := strconv.ParseUint(from, 16, 64)
	end, err2 := strconv.ParseUint(to, 16, 64)
	return stretch{uintptr(begin), uintptr(end)}, err1 == nil && err2 == nil && begin < end
}
