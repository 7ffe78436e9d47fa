// Package timestamp has the time of a ledger's checkpoints signed by timestamp
// authorities (RFC 3161), keeps the tokens beside the tree, and records them as leaves:
// what a checkpoint covers was there by then, and what comes after the leaf is later.
//
// An authority is asked for one token at a time. What it answers is verified with the
// certificates that were configured before it is kept; an authority that is away, slow
// or lying holds up nothing but its own tokens.
package timestamp
