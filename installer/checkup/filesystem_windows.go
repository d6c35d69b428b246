package checkup

import "io/fs"

func ownerOf(fs.FileInfo) (uid int, known bool) { return 0, false }

func isQuota(error) bool { return false }
