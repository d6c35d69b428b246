package drop

import (
	"errors"
	"os"
	"runtime"
	"syscall"
)

const noFollow = syscall.O_NOFOLLOW

// syncName makes the name of an open file durable. The directory cannot be
// opened by who may write there only, and fsync(2) does not take what O_PATH
// opens; so syncfs(2) writes the whole file system. ext4 would have the new name
// on the disk after an fsync of the file alone, but no page promises it.
func syncName(file *os.File) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	number := syncfs(runtime.GOARCH)
	if number == 0 {
		// It waits for all file systems (sync(2), NOTES), and the fsync says
		// what failed for the file.
		syscall.Sync()
		return file.Sync()
	}
	var fault error
	err = raw.Control(func(fd uintptr) {
		for {
			_, _, no := syscall.Syscall(number, fd, 0, 0)
			if no == 0 {
				return
			}
			if fault = no; no != syscall.EINTR {
				return
			}
			fault = nil
		}
	})
	return errors.Join(err, fault)
}

// syncfs is the number of the call, which package syscall does not know on each
// system; 0 where it is not known here.
func syncfs(arch string) uintptr {
	switch arch {
	case "amd64":
		return 306
	case "arm64", "riscv64", "loong64":
		return 267
	}
	return 0
}
