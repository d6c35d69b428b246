package policy

// block is what MinFreeBlocks counts in, in octets, as df does.
const block = 1024

// room is MinFreeBlocks: a message of a size that a client has said must fit on
// the disk, with the blocks that stay free. Any directory of the spool may get
// it.
func (p *Policy) room(size int64) Verdict {
	least := p.parts.Config.ServerFreeBlocks()
	need := least + max(size, 0)/block
	if size%block > 0 {
		need++
	}
	for _, dir := range p.dirs {
		free, err := p.parts.Free(dir)
		if err != nil || free/block >= need {
			continue
		}
		p.parts.LowOnSpace(free, max(size, 0))
		return refuse(452, [3]int{4, 4, 5}, "Insufficient disk space; try again later")
	}
	return Verdict{}
}
