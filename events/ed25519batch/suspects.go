package ed25519batch

import "sync"

const (
	// probation is how many good signatures a sender must have sent after a bad one until
	// its signatures are checked together with others' again. A bad signature costs the
	// batch that it is in a single check for each of the others, so nobody can cost them
	// more than one for each message of its own.
	probation = most
	// maxSuspects is how many senders are remembered.
	maxSuspects = 4096
)

// suspects are the senders of bad signatures.
type suspects struct {
	mu   sync.Mutex
	left map[string]int // good signatures until it is believed again
}

func newSuspects() suspects { return suspects{left: map[string]int{}} }

func (s *suspects) has(sender string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left[sender] > 0
}

// saw takes note of a signature that was checked alone.
func (s *suspects) saw(sender string, good bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left, suspect := s.left[sender]
	switch {
	case !good:
		for other := range s.left {
			if suspect || len(s.left) < maxSuspects {
				break
			}
			delete(s.left, other)
		}
		s.left[sender] = probation
	case left > 1:
		s.left[sender] = left - 1
	case suspect:
		delete(s.left, sender)
	}
}
