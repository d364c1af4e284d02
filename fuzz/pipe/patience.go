package pipe

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// The time that the other side may take for one line. What it works is the measure, and not how long that takes: on a
// loaded machine a side that is well may need many times as long by the clock. One that waits for ever works nothing;
// so does any where the system does not tell what it works. Those have a limit by the clock, which no load comes near.
var (
	patience     = 20 * time.Second // of CPU time
	patienceWall = 3 * time.Minute
)

// look is how often it is looked whether the other side works.
const look = time.Second

// wait measures how long the other side takes for a line. Most come before it is looked at for the first time: only
// from then on it is asked what it works.
type wait struct {
	pid    int
	since  time.Time
	looked bool
	told   bool          // the system tells what it works
	cpu    time.Duration // that it had taken at the first look
}

// deadline is when to look again.
func (w *wait) deadline() time.Time {
	return time.Now().Add(min(look, patience, max(0, patienceWall-time.Since(w.since))))
}

// over looks at the other side, and tells whether it has taken too long.
func (w *wait) over() bool {
	cpu, told := cpuTime(w.pid)
	if !w.looked {
		w.looked, w.told, w.cpu = true, told, cpu
	}
	return w.told && told && cpu-w.cpu >= patience || time.Since(w.since) >= patienceWall
}

// tick is the unit of times in /proc: USER_HZ of Linux, which is 100 on all machines that Go knows.
const tick = time.Second / 100

// cpuTime is the CPU time that a process has taken with all its threads, to a tick; not where there is no /proc.
func cpuTime(pid int) (time.Duration, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// The second field is a name in parentheses, which may hold anything; the times are the 14th and 15th.
	const behindName, user = 2, 13
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) <= user+1-behindName {
		return 0, false
	}
	total := time.Duration(0)
	for _, f := range fields[user-behindName : user+2-behindName] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, false
		}
		total += time.Duration(n) * tick
	}
	return total, true
}
