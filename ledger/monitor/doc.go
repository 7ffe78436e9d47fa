// Package monitor keeps watching a ledger from outside, by a trust file and with no
// mandate: that each checkpoint continues all before it, that leaves keep the stream's
// order through its epochs, and that anchors, cosignatures and what others were shown
// are of the same tree. Of a contradiction it makes one file that proves it to anyone
// ([verify.Fork]).
//
// It keeps the hash of every leaf that it has read, so that it can compare a checkpoint
// of any size, and prove what it finds when the ledger shows its tiles no more.
package monitor
