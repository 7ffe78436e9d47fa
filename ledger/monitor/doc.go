// Package monitor watches a ledger from outside, with a trust file and no mandate, and
// proves forks.
//
// It checks that each checkpoint continues all earlier ones, that leaves keep the order
// of the stream through its epochs, and that anchors, cosignatures and what others were
// shown belong to the same tree. A contradiction becomes one file that proves it to
// anyone ([verify.Fork]).
//
// It checks that each checkpoint continues all earlier ones, that leaves keep the order
// of the stream through its epochs, and that anchors, cosignatures and what others were
// shown belong to the same tree. A contradiction becomes one file that proves it to
// anyone ([verify.Fork]).
//
// It checks that each checkpoint continues all earlier ones, that leaves keep the order
// of the stream through its epochs, and that anchors, cosignatures and what others were
// shown belong to the same tree. A contradiction becomes one file that proves it to
// anyone ([verify.Fork]).
//
// It checks that each checkpoint continues all earlier ones, that leaves keep the order
// of the stream through its epochs, and that anchors, cosignatures and what others were
// shown belong to the same tree. A contradiction becomes one file that proves it to
// anyone ([verify.Fork]).
//
// It checks that each checkpoint continues all earlier ones, that leaves keep the order
// of the stream through its epochs, and that anchors, cosignatures and what others were
// shown belong to the same tree. A contradiction becomes one file that proves it to
// anyone ([verify.Fork]).
//
// It checks that each checkpoint continues all earlier ones, that leaves keep the order
// of the stream through its epochs, and that anchors, cosignatures and what others were
// shown belong to the same tree. A contradiction becomes one file that proves it to
// anyone ([verify.Fork]).
//
// It keeps the hash of every leaf that it has read, so that it can compare a checkpoint
// of any size, and prove what it finds when the ledger shows its tiles no more.
//
// Not here: bodies and verdicts, which ledger/audit checks.
package monitor
