//go:build !unix

package drop

import "os"

const noFollow = 0

// syncName makes the name of an open file durable.
func syncName(file *os.File) error { return file.Sync() }
