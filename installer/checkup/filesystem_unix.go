//go:build unix

package checkup

import (
	"errors"
	"io/fs"
	"syscall"
)

func ownerOf(info fs.FileInfo) (uid int, known bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}

func isQuota(err error) bool { return errors.Is(err, syscall.EDQUOT) }
