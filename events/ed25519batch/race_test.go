//go:build race

package ed25519batch

// These thin out what is tried: the race detector makes it slow, and is for other faults.
const (
	oneVectorIn  = 97
	oneAttemptIn = 7
	rounds       = 1
)
