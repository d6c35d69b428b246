package safefile

import (
	"encoding/binary"
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// The mask of a POSIX ACL stands where the group's bits are (acl(5)), so that who
// may write by one is seen in the mode.
func TestAnACLThatLetsAnotherUserWriteIsSeen(t *testing.T) {
	dir := safeDir(t)
	tree(t, dir, [2]string{"access", "x"})
	path := filepath.Join(dir, "access")
	const nobody = 0xffffffff
	list := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{0x01, 6, nobody}, {0x02, 6, 12345}, {0x04, 4, nobody}, {0x10, 6, nobody}, {0x20, 4, nobody}} {
		list = binary.LittleEndian.AppendUint16(list, e.tag)
		list = binary.LittleEndian.AppendUint16(list, e.perm)
		list = binary.LittleEndian.AppendUint32(list, e.id)
	}
	if err := unix.Setxattr(path, "system.posix_acl_access", list, 0); err != nil {
		t.Skipf("no POSIX ACL here: %v", err)
	}
	_, err := Rules{}.Open(Map, path)
	if u, ok := errors.AsType[*Unsafe](err); !ok || u.Reason != "Group writable file" {
		t.Errorf("it is opened, or refused for another reason: %v", err)
	}
}
