package safefile

import "golang.org/x/sys/unix"

// searchOnly opens a directory that may be walked through and not be listed.
const searchOnly = unix.O_PATH
