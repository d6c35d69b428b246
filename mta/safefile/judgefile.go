package safefile

import (
	"fmt"

	"mailcrane/internal/config"
)

// judgeFile is what is unsafe about the file itself.
func (q *inquiry) judgeFile(f *File) *Unsafe {
	switch {
	case !q.regular:
		return q.about("Regular files only", "it is a directory, a device, a pipe or a socket", "name a file")
	case q.kind == Program:
		q.program(f)
		return nil
	}
	if u := q.mode(); u != nil {
		return u
	}
	for i := range q.steps {
		s := &q.steps[i]
		// A sticky directory keeps others from our files, and not from making
		// links of their own.
		if s.linked && s.mode&sticky != 0 && s.mode&(worldWrite|groupWrite) != 0 && !q.trusts(s.linkUID) &&
			!q.linksLoose && !q.excuses(q.link) {
			return q.linkRefused(s)
		}
	}
	if !q.anyOwner && !q.trusts(q.file.uid) {
		return q.about("File of another user", fmt.Sprintf("uid %d", q.file.uid), fmt.Sprintf("type: chown %s %s", q.owners(), quote(q.file.path)))
	}
	if q.write {
		return q.written()
	}
	return nil
}

func (q *inquiry) about(reason, detail, mend string) *Unsafe {
	return &Unsafe{Kind: q.kind, File: q.path, Path: q.file.path, Reason: reason, Detail: detail, Mend: mend}
}

// mode is what others may do to the file.
func (q *inquiry) mode() *Unsafe {
	mode := q.file.mode
	if q.kind == Delivery {
		// A mailbox may be a group's; a program would run what a stranger sent.
		if mode&execute != 0 {
			return q.about("Executable files not allowed", fmt.Sprintf("mode %04o", mode), "type: chmod a-x "+quote(q.file.path))
		}
		return nil
	}
	var bits uint32
	if !q.excuses(q.worldWritable) {
		bits |= mode & worldWrite
	}
	// What everyone may write, a group may too.
	if !q.excuses(q.groupWritable) && (mode&worldWrite == 0 || !q.excuses(q.worldWritable)) {
		bits |= mode & groupWrite
	}
	if bits != 0 {
		return q.writable(q.file, bits, "file")
	}
	if !q.private {
		return nil
	}
	switch {
	case mode&worldRead != 0:
		letters := "o"
		if mode&groupRead != 0 && !q.excuses(q.groupReadable) {
			letters = "go"
		}
		return q.readable("World", letters)
	case mode&groupRead != 0 && !q.excuses(q.groupReadable) && !q.excuses(q.groupWritable):
		return q.readable("Group", "g")
	}
	return nil
}

func (q *inquiry) readable(who, letters string) *Unsafe {
	return q.about(who+" readable file", fmt.Sprintf("mode %04o", q.file.mode), fmt.Sprintf("type: chmod %s-r %s", letters, quote(q.file.path)))
}

// written is what keeps a file from being written to: under another name it may
// be another's.
func (q *inquiry) written() *Unsafe {
	switch {
	case q.toLink && !q.excuses(q.symLink):
		u := q.about("Symbolic links not allowed", "it leads to "+quote(q.file.path), "name the file that the link leads to")
		u.Path = q.path
		return u
	case q.links > 1 && !q.excuses(q.hardLink):
		return q.about("Hard links not allowed", fmt.Sprintf("it has %d names", q.links), "make a file of one name")
	}
	return nil
}

// program is what sendmail warns of and lets pass.
func (q *inquiry) program(f *File) {
	if bits := q.file.mode & (worldWrite | groupWrite); bits != 0 && !q.Blame.Has(config.RunWritableProgram) {
		f.Warnings = append(f.Warnings, q.writable(q.file, bits, "file").Error())
	}
}

// targets says whether what is written in the file may run programs and write
// files.
func (q *inquiry) targets(f *File, unsafeDir bool) {
	switch {
	case q.kind != Forward && q.kind != Include && q.kind != Alias:
		return
	case q.process != 0 && !q.Blame.Has(config.NonRootSafeAddr):
		f.Why = "the server does not run as root, and NonRootSafeAddr is not set"
	case q.kind == Alias:
		return
	case unsafeDir && !q.Blame.Has(q.targetsDir):
		f.Why = "others can write a directory above it"
	case q.file.mode&worldWrite != 0:
		f.Why = "everyone can write it"
	case q.file.mode&groupWrite != 0 && !q.Blame.Has(q.targetsFile):
		f.Why = "a group can write it"
	default:
		return
	}
	f.Targets = false
}
