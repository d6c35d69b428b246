package safefile

import (
	"fmt"
	"strings"

	"mailcrane/internal/config"
	"mailcrane/internal/visible"
)

// The bits of a mode that matter here, as every Unix has them.
const (
	worldWrite = 0o002
	groupWrite = 0o020
	worldRead  = 0o004
	groupRead  = 0o040
	execute    = 0o111
	sticky     = 0o1000
)

// A place is a directory on the way to a file, or the file.
type place struct {
	path string
	mode uint32 // its permissions, and sticky
	uid  uint32
}

// A step is a directory that was walked through. linked says that what was
// looked up in it was a symbolic link, linkUID whose.
type step struct {
	place
	linked  bool
	linkUID uint32
}

// A walk is what was seen on the way to a file.
type walk struct {
	steps   []step
	file    place
	regular bool
	links   uint64 // how many names the file has
	missing bool
	toLink  bool // the name itself is a symbolic link
}

// inquiry is one judgement of a walk.
type inquiry struct {
	Rules
	checks
	kind    Kind
	path    string
	process uint32
	write   bool
	walk
}

// judge says what is unsafe about a file, or how far it may be trusted.
func (r Rules) judge(kind Kind, path string, process uint32, write bool, w walk) (File, *Unsafe) {
	q := inquiry{r, kinds[kind], kind, path, process, write, w}
	f := File{Targets: true, Owner: w.file.uid, OwnerBelieved: true}
	unsafeDir := false
	for i := range q.steps {
		u := q.step(&q.steps[i])
		if u == nil {
			continue
		}
		unsafeDir = true
		if u = q.excuse(&q.steps[i], u, &f); u != nil {
			return f, u
		}
	}
	if q.missing {
		return f, nil
	}
	if u := q.judgeFile(&f); u != nil {
		return f, u
	}
	f.OwnerBelieved = !unsafeDir || q.Blame.Has(config.AssumeSafeChown)
	q.targets(&f, unsafeDir)
	return f, nil
}

// step is what is unsafe about a directory: others than those who are trusted
// can put another file there.
func (q *inquiry) step(s *step) *Unsafe {
	// What a delivery writes as its user, the system keeps inside that user's
	// rights; sendmail looks at the directories of root's only.
	if q.kind == Delivery && q.own(q.process) != 0 {
		return nil
	}
	bits := s.mode & (worldWrite | groupWrite)
	if q.Blame.Has(config.GroupWritableDirPathSafe) {
		bits &^= groupWrite
	}
	trustedSticky := s.mode&sticky != 0 && q.Blame.Has(config.TrustStickyBit)
	switch {
	case bits != 0 && !trustedSticky:
		return q.writable(s.place, bits, "directory")
	case !q.trusts(s.uid) && (q.kind != Include || s.uid != q.file.uid) && q.kind != Program && q.kind != Delivery:
		return &Unsafe{
			Kind: q.kind, File: q.path, Path: s.path, Reason: "Directory of another user", Missing: q.missing,
			Detail: fmt.Sprintf("uid %d could put another file there", s.uid), Mend: "type: " + fmt.Sprintf("chown %s %s", q.owners(), quote(s.path)),
		}
	}
	return nil
}

// trusts says that files of uid are as good as our own.
func (q *inquiry) trusts(uid uint32) bool {
	return uid == 0 || uid == q.Trusted || uid == q.own(q.process)
}

// owners is who should own a file, for chown.
func (q *inquiry) owners() string {
	if own := q.own(q.process); own != 0 {
		return fmt.Sprint(own)
	}
	return "root"
}

// excuse is nil where a word of DontBlameSendmail lets the directory pass.
func (q *inquiry) excuse(s *step, u *Unsafe, f *File) *Unsafe {
	if q.kind == Program {
		if !q.Blame.Has(config.RunProgramInUnsafeDirPath) {
			f.Warnings = append(f.Warnings, u.Error())
		}
		return nil
	}
	excused := q.excuses(q.unsafeDir) || s.mode&worldWrite == 0 && q.excuses(q.groupDir)
	if s.linked && !q.linksLoose {
		switch {
		case q.excuses(q.link):
			return nil
		case excused:
			return q.linkRefused(s)
		}
	}
	if excused {
		return nil
	}
	u.Quiet = u.Missing && q.kind == Forward && q.Blame.Has(config.DontWarnForwardFileInUnsafeDirPath)
	return u
}

func (q *inquiry) excuses(word config.Blame) bool { return word != 0 && q.Blame.Has(word) }

func (q *inquiry) linkRefused(s *step) *Unsafe {
	return &Unsafe{
		Kind: q.kind, File: q.path, Path: q.path, Reason: "Symbolic links not allowed", Missing: q.missing,
		Detail: fmt.Sprintf("there is one in %s, where others could put another", quote(s.path)),
		Mend:   "put the file itself there, or name the file that the link leads to",
	}
}

// writable is the refusal of what others can write.
func (q *inquiry) writable(p place, bits uint32, noun string) *Unsafe {
	who, letters := "Group", "g"
	switch {
	case bits&worldWrite != 0 && bits&groupWrite != 0:
		who, letters = "World", "go"
	case bits&worldWrite != 0:
		who, letters = "World", "o"
	}
	u := &Unsafe{
		Kind: q.kind, File: q.path, Path: p.path, Reason: who + " writable " + noun, Missing: q.missing && noun == "directory",
		Detail: fmt.Sprintf("mode %04o", p.mode), Mend: fmt.Sprintf("type: chmod %s-w %s", letters, quote(p.path)),
	}
	// To take the right away from /tmp would break the machine.
	if noun == "directory" && p.mode&sticky != 0 {
		u.Mend = "keep the file elsewhere, or set TrustStickyBit in mta.dont_blame_sendmail"
	}
	return u
}

// quote makes text one word of a shell command.
func quote(text string) string {
	text = visible.Line(text, 0)
	if text != "" && !strings.ContainsAny(text, " \"'`$&;|<>()*?[]{}~#!\\") {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
