// Command bare is the floor that the sendmail shim is measured against: it
// writes standard input to a file in the folder named by its argument, syncs
// it, renames it, and syncs the folder, which is what accepting a message
// costs whoever does it.
package main

import (
	"io"
	"os"
	"strconv"
)

func main() {
	if err := keep(os.Args[1]); err != nil {
		println("bare:", err.Error())
		os.Exit(75)
	}
}

func keep(dir string) error {
	name := dir + "/" + strconv.Itoa(os.Getpid())
	f, err := os.OpenFile(name+".tmp", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := os.Stdin.Read(buf)
		if _, err := f.Write(buf[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(name+".tmp", name); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return d.Sync()
}
