package ledger

// Tally is what a party's messages came to.
type Tally struct {
	Messages, Bytes int64
	// Wasted of those were rejected, or duplicates.
	Wasted, WastedBytes int64
}
