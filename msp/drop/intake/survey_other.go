//go:build !unix

package intake

import (
	"errors"
	"os"

	"mailcrane/msp/drop"
)

// A file is a dropped file as it was looked at.
type file struct {
	name string
	uid  uint32
	size int64
}

func (f file) id() drop.ID { return drop.ID(f.name) }

func makeDirectory(string) error { return errors.ErrUnsupported }

func openDirectory(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func (in *Intake) survey() ([]file, error) { return nil, errors.ErrUnsupported }

func (in *Intake) open(file) (*os.File, error) { return nil, errors.ErrUnsupported }

func (in *Intake) remove(file) {}

func (in *Intake) aside(file, error) {}
