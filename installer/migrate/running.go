package migrate

// Runs says in a clause that a program which would send its queue's mail runs
// on this machine, or is started by a timer; "" where it is not known to.
func (m *Machine) Runs(program string) string {
	if !m.here() || m.Running == nil {
		return ""
	}
	for _, name := range processes(program) {
		if m.Running(name) {
			return name + " runs"
		}
	}
	for _, file := range timers(program) {
		if m.exists(file) {
			return program + " is started by " + file
		}
	}
	return ""
}

// processes are the names of those that empty the program's queue.
func processes(program string) []string {
	switch program {
	case "nullmailer":
		return []string{"nullmailer-send"}
	case "dma":
		return []string{"dma"}
	case "postfix":
		return []string{"qmgr", "pickup"}
	case "exim":
		return []string{"exim4", "exim"}
	case "sendmail":
		return []string{"sendmail-mta", "sendmail-msp", "sendmail"}
	}
	return nil
}

// timers are the files of Debian's packages by which a queue is emptied now and
// then.
func timers(program string) []string {
	switch program {
	case "dma":
		return []string{"/etc/cron.d/dma"}
	case "sendmail":
		return []string{"/etc/cron.d/sendmail"}
	}
	return nil
}

// StopCommand is what to type so that the program no longer sends by itself.
func StopCommand(program string) string {
	switch program {
	case "msmtp":
		return "do not run msmtp-queue -r any more"
	case "dma":
		return "sudo mv /etc/cron.d/dma /etc/cron.d/dma.disabled"
	case "exim":
		return "sudo systemctl disable --now exim4"
	case "sendmail":
		return "sudo systemctl disable --now sendmail; sudo mv /etc/cron.d/sendmail /etc/cron.d/sendmail.disabled"
	}
	return "sudo systemctl disable --now " + program
}
