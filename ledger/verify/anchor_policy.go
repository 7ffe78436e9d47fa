package verify

import (
	"fmt"
	"slices"
	"strconv"
)

// AnchorPolicy says in how many of several Rekors a checkpoint must stand to count as
// anchored. The zero value is all of them.
type AnchorPolicy struct{ most int }

// ParseAnchorPolicy reads a policy: all, any, or a number.
func ParseAnchorPolicy(s string) (AnchorPolicy, error) {
	switch s {
	case "", "all":
		return AnchorPolicy{}, nil
	case "any":
		return AnchorPolicy{1}, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || strconv.Itoa(n) != s {
		return AnchorPolicy{}, fmt.Errorf("anchor policy %.40q: want all, any, or a number of Rekors", s)
	}
	return AnchorPolicy{n}, nil
}

// String returns the policy as it is written.
func (p AnchorPolicy) String() string {
	switch p.most {
	case 0:
		return "all"
	case 1:
		return "any"
	}
	return strconv.Itoa(p.most)
}

// Of returns how many of n Rekors the policy wants. The error says that there aren't as
// many.
func (p AnchorPolicy) Of(n int) (int, error) {
	switch {
	case p.most == 0:
		return n, nil
	case p.most > n:
		return 0, fmt.Errorf("anchor policy: it wants %d Rekors, and there are %d", p.most, n)
	}
	return p.most, nil
}

// Anchored returns the size up to which leaves are anchored, if sizes are those of the
// largest checkpoint in each Rekor: 0 if there are too few of them.
func (p AnchorPolicy) Anchored(sizes []uint64) uint64 {
	want, err := p.Of(len(sizes))
	if err != nil || want == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(sizes))
	return sorted[len(sorted)-want]
}
