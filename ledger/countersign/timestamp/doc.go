// Package timestamp gets RFC 3161 timestamps for checkpoints, stores the tokens, and
// records them as leaves.
//
// What a checkpoint covers existed at the time of its token, and what comes after the
// leaf is later.
//
// What a checkpoint covers existed at the time of its token, and what comes after the
// leaf is later.
//
// What a checkpoint covers existed at the time of its token, and what comes after the
// leaf is later.
//
// What a checkpoint covers existed at the time of its token, and what comes after the
// leaf is later.
//
// What a checkpoint covers existed at the time of its token, and what comes after the
// leaf is later.
//
// What a checkpoint covers existed at the time of its token, and what comes after the
// leaf is later.
//
// An authority is asked for one token at a time. What it answers is verified with the
// certificates that were configured before it is kept; an authority that is away, slow
// or lying holds up nothing but its own tokens.
//
// Not here: the other countersigners, and the judgement whether an authority is
// independent, which is the trust file's.
package timestamp
