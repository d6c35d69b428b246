package expand

import "mailcrane/mta/aliases"

// A List is what a file of :include:, or a .forward, has.
type List struct {
	Items []aliases.Item
	// Path is the file.
	Path string
	// Owner is the uid of its owner, in whose name programs and files of an
	// :include: are.
	Owner uint32
	// Targets says that programs and files may stand in it; else Refusal is the
	// text of the reply that says why not.
	Targets bool
	Refusal string
}
