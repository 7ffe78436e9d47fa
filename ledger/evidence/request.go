package evidence

import (
	"fmt"
	"strconv"

	"github.com/saksi-ledger/saksi/events"
)

// Request names what evidence is asked of: an event, or all events of a leaf.
type Request struct {
	Leaf  uint64
	Event int // -1: all
}

// ParseRequest reads LEAF/EVENT or LEAF, as in 12/3 and 12.
func ParseRequest(s string) (Request, error) {
	if ref, err := events.ParseRef(s); err == nil {
		return Request{ref.Leaf, ref.Event}, nil
	}
	leaf, err := strconv.ParseUint(s, 10, 63)
	if err != nil || strconv.FormatUint(leaf, 10) != s {
		return Request{}, fmt.Errorf("%.40q names no event: want LEAF/EVENT or LEAF, as in 12/3 or 12", s)
	}
	return Request{leaf, -1}, nil
}
