package checkup

import (
	"context"
	"fmt"
)

// agent asks the agent of the spool how it is.
func (c *checker) agent(ctx context.Context) {
	if c.AskAgent == nil {
		return
	}
	restart, mend := c.serviceCall("restart"), ""
	if c.booted() && c.unit == nil {
		restart, mend = "", "end it, and start it again as you did before"
	}
	switch a := c.AskAgent(ctx); {
	case a == nil && c.unit != nil:
		// What the service does was said.
	case a == nil:
		c.tell(Finding{
			ID: "agent-missing", State: Note, What: "no agent runs for this queue", Why: "mail leaves only when somebody says so, with: " + c.Call + " flush",
			Command: c.serviceCall("start"),
		})
	case a.Silent:
		c.tell(Finding{ID: "agent-silent", State: Broken, What: "the agent is there, and does not answer", Why: "it is stopped, or the machine is very busy", Mend: mend, Command: restart})
	case a.Outdated:
		c.tell(Finding{
			ID: "agent-outdated", State: Warning, What: "the configuration was changed since the agent began", Why: "it works by the one before", Mend: mend, Command: restart,
		})
	case a.Replaced:
		c.tell(Finding{
			ID: "agent-old", State: Warning, What: "the agent runs a mailcrane that was replaced on the disk since", Why: "what the new one mends does not work yet", Mend: mend, Command: restart,
		})
	default:
		c.fine("agent", fmt.Sprintf("the agent answers, process %d", a.PID))
	}
}
