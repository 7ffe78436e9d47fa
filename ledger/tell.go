package ledger

// Tell says whether the nth failure in a row is worth telling in a log: each at first, then
// fewer and fewer, so that who is away for a night fills nobody's disk.
func Tell(n int) bool { return n <= 4 || n&(n-1) == 0 || n%256 == 0 }
