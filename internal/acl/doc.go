// Package acl says who besides its owner can change a file of Windows, where a
// file has no mode, and makes files that only their owner can read.
package acl
