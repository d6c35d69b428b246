package queue

import "golang.org/x/sys/windows"

// freeOctets is what a user may still write to the disk that holds the
// directory.
func freeOctets(dir string) (int64, error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	err = windows.GetDiskFreeSpaceEx(path, &free, nil, nil)
	return int64(free), err
}
