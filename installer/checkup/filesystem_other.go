//go:build !linux

package checkup

import "mailcrane/queue"

func diskOf(dir string) (disk, error) {
	free, err := queue.OS{}.Free(dir)
	if err != nil {
		free = -1
	}
	return disk{free: free, files: -1}, nil
}
