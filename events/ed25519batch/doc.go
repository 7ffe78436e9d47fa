// Package ed25519batch verifies many Ed25519 signatures at once, with the verdict of
// [crypto/ed25519.Verify] for each.
//
// It is several times as fast, and nobody's verdict depends on which of the two was
// used.
//
// Not here: other algorithms, and keys: which key may sign is the caller's decision.
//
// # Why batches usually differ, and this one doesn't
//
// The standard library accepts (R, S) of a key A over M if S < L, A decodes, and the
// encoding of S·B − k·A, with k = SHA-512(R ‖ A ‖ M), is R to the byte (RFC 8032, 5.1.7,
// without the cofactor). A batch checks Σ zᵢ(Sᵢ·B − kᵢ·A − Rᵢ) = 0 with random zᵢ. The
// curve has 8·L points, and a difference of a small order, which is what an R or an A
// with a component of order 2, 4 or 8 leaves, vanishes from such a sum by chance far too
// often. So batches are mostly multiplied by 8 (RFC 8032 allows it), and then they accept
// what a single check refuses.
//
// Here the differences have no such component. What gets into a batch has
//
//   - S < L, and an R that is the one encoding of a point (RFC 8032, 5.1.2 and 5.1.3), so
//     that equal bytes and equal points are the same;
//   - an A that is the one encoding of a point of order L, or 1, found by [L]A = 0 once for
//     each key: then k may be taken modulo L, and the terms of a key become one.
//
// Then what a difference has of a small order is what its R has. Each zᵢ is 128 random
// bits, and for each bit m the points whose zᵢ has it are summed: Tₘ. Two checks follow.
//
//   - [L]Tₘ = 0 for 64 of the sums. If any R has a component of small order, each of the
//     sums shows one with a probability of a half at least, independently of the others.
//   - (Σ zᵢSᵢ)·B = Σ (Σ zᵢkᵢ)·A + Σ 2ᵐTₘ. If no R has, all differences lie in the group of
//     the prime order L, where one that isn't 0 leaves the sum 0 for one zᵢ of 2¹²⁸ at most.
//
// So a batch that holds a bad signature passes with a probability of 2⁻⁶⁴ at most,
// whatever its maker knows: the zᵢ are drawn when the signatures are there, for each batch
// anew, and are shown to nobody. A batch of good signatures always passes.
//
// Whatever is unusual, all of a batch that doesn't pass, and batches too small to gain by
// it are checked by the standard library, one by one.
package ed25519batch
