package campaign

import (
	"time"

	"golang.org/x/sys/unix"
)

// wallFactor is how many times the limit a target may be silent by the clock, when this process does not work as long
// as the limit says: it may wait for another, or for a machine that has no time for it. Who waits for ever is found
// so, and no load comes near.
const wallFactor = 8

// A Silence measures how long a target gives no answer: in CPU time of this process, which is no less than the target's
// own, and by the clock. Each answer begins it anew, so that neither a long program nor a loaded machine makes a target
// one that does not return.
type Silence struct {
	Limit time.Duration

	answers int64 // that there were when it was asked last
	since   time.Time
	cpu     time.Duration
}

// Over tells whether there was no answer for too long, given how many there were so far.
func (s *Silence) Over(answers int64) bool {
	if s.since.IsZero() || answers != s.answers {
		s.answers, s.since, s.cpu = answers, time.Now(), CPUTime()
		return false
	}
	wall := time.Since(s.since)
	return wall >= s.Limit && (CPUTime()-s.cpu >= s.Limit || wall >= wallFactor*s.Limit)
}

// End says that no answer is waited for.
func (s *Silence) End() { s.since = time.Time{} }

// CPUTime is the CPU time that this process has taken.
func CPUTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
