package checkup

import (
	"math"
	"syscall"
)

// kindOf names the file systems of statfs(2) that mail should not be kept on.
func kindOf(magic int64) (name string, network, gone bool) {
	switch magic & math.MaxUint32 {
	case 0x6969:
		return "nfs", true, false
	case 0x517b, 0xff534d42, 0xfe534d42:
		return "smb", true, false
	case 0x01021997:
		return "9p", true, false
	case 0x5346414f, 0x73757245:
		return "afs or coda", true, false
	case 0x00c36400:
		return "ceph", true, false
	case 0x01021994:
		return "tmpfs", false, true
	case 0x858458f6:
		return "ramfs", false, true
	}
	return "", false, false
}

func diskOf(dir string) (disk, error) {
	var f syscall.Statfs_t
	if err := syscall.Statfs(dir, &f); err != nil {
		return disk{}, err
	}
	const readOnly = 1                                                                            // ST_RDONLY of statvfs(3)
	d := disk{free: int64(f.Bavail) * int64(f.Bsize), files: -1, readOnly: f.Flags&readOnly != 0} //nolint:unconvert // their types differ between machines
	d.kind, d.network, d.gone = kindOf(int64(f.Type))                                             //nolint:unconvert // as above
	if f.Files > 0 {                                                                              // btrfs counts none
		d.files = int64(f.Ffree)
	}
	return d, nil
}
