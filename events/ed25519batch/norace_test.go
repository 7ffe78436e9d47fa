//go:build !race

package ed25519batch

const (
	oneVectorIn  = 7
	oneAttemptIn = 1
	rounds       = 5
)
