package local

import (
	"fmt"

	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// exitReply is what sendmail says of a program that ended with a code of
// sysexits.h, or with another.
func exitReply(code int, name, said string) queue.Reply {
	known := map[int]queue.Reply{
		sysexits.Usage:       {Code: 500, Enhanced: "5.0.0", Text: "Bad usage"},
		sysexits.DataErr:     {Code: 501, Enhanced: "5.6.0", Text: "Data format error"},
		sysexits.NoInput:     {Code: 550, Enhanced: "5.3.0", Text: "Cannot open input"},
		sysexits.NoUser:      {Code: 550, Enhanced: "5.1.1", Text: "User unknown"},
		sysexits.NoHost:      {Code: 550, Enhanced: "5.1.2", Text: "Host unknown"},
		sysexits.Unavailable: {Code: 554, Enhanced: "5.0.0", Text: "Service unavailable"},
		sysexits.Software:    {Code: 554, Enhanced: "5.3.0", Text: "Internal error"},
		sysexits.OSErr:       {Code: 451, Enhanced: "4.0.0", Text: "Operating system error"},
		sysexits.OSFile:      {Code: 554, Enhanced: "5.3.5", Text: "System file missing"},
		sysexits.CantCreat:   {Code: 550, Enhanced: "5.0.0", Text: "Can't create output"},
		sysexits.IOErr:       {Code: 451, Enhanced: "4.0.0", Text: "I/O error"},
		sysexits.TempFail:    {Code: 450, Enhanced: "4.0.0", Text: "Deferred"},
		sysexits.Protocol:    {Code: 554, Enhanced: "5.5.0", Text: "Remote protocol error"},
		sysexits.NoPerm:      {Code: 550, Enhanced: "5.0.0", Text: "Insufficient permission"},
		sysexits.Config:      {Code: 554, Enhanced: "5.3.5", Text: "Local configuration error"},
	}
	r, ok := known[code]
	if !ok {
		return reply(554, "5.3.0", fmt.Sprintf("unknown mailer error %d: %s%s", code, name, said))
	}
	return reply(r.Code, r.Enhanced, fmt.Sprintf("%s: %s ended with %d%s", r.Text, name, code, said))
}
