package acl

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// changes are the rights by which a file, or what is in a directory, becomes
// another: writing, adding, deleting, and giving oneself the right to.
const changes = windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | fileDeleteChild |
	windows.DELETE | windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_WRITE | windows.GENERIC_ALL

const fileDeleteChild = 0x40 // FILE_DELETE_CHILD of winnt.h

// Changers names the users and groups, besides the user of this process and
// those who may do everything, who can change the file or directory.
func Changers(path string) ([]string, error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return nil, fmt.Errorf("who may change %s: %w", path, err)
	}
	me, err := self()
	if err != nil {
		return nil, err
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return nil, fmt.Errorf("who owns %s: %w", path, err)
	}
	var all []string
	if !trusted(owner, me) {
		all = append(all, name(owner))
	}
	dacl, _, err := sd.DACL()
	if err != nil || dacl == nil {
		return append(all, "everyone"), nil //nolint:nilerr // without a list, every access is granted
	}
	for i := range uint32(dacl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(dacl, i, &ace); err != nil {
			return nil, fmt.Errorf("who may change %s: %w", path, err)
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
		if ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE || ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 ||
			ace.Mask&changes == 0 || trusted(sid, me) {
			continue
		}
		all = append(all, name(sid))
	}
	return all, nil
}

// trusted says that no rights need be kept from it: the user itself, whoever
// owns the file, and those of whom Windows cannot keep any.
func trusted(sid, me *windows.SID) bool {
	return sid.Equals(me) || sid.IsWellKnown(windows.WinLocalSystemSid) || sid.IsWellKnown(windows.WinBuiltinAdministratorsSid) ||
		sid.IsWellKnown(windows.WinCreatorOwnerSid) || sid.IsWellKnown(windows.WinCreatorOwnerRightsSid)
}

func self() (*windows.SID, error) {
	u, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("which user is this? %w", err)
	}
	return u.User.Sid, nil
}

func name(sid *windows.SID) string {
	if name, domain, _, err := sid.LookupAccount(""); err == nil {
		if domain == "" {
			return name
		}
		return domain + `\` + name
	}
	return sid.String()
}

// CreatePrivate makes a new file that this user, the system and its
// administrators can open, whatever its directory would hand down.
func CreatePrivate(path string) (*os.File, error) {
	me, err := self()
	if err != nil {
		return nil, err
	}
	sd, err := windows.SecurityDescriptorFromString("D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;" + me.String() + ")")
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", path, err)
	}
	wide, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", path, err)
	}
	attributes := &windows.SecurityAttributes{SecurityDescriptor: sd}
	attributes.Length = uint32(unsafe.Sizeof(*attributes))
	handle, err := windows.CreateFile(wide, windows.GENERIC_WRITE, 0, attributes, windows.CREATE_NEW, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &os.PathError{Op: "create", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}
