// Package witness has both sides of https://c2sp.org/tlog-witness: a witness that
// cosigns, and a collector that gets a ledger's checkpoints cosigned.
//
// A [Witness] cosigns the checkpoints of other people's logs, each only if it continues
// the last that it cosigned, which it remembers through any crash. A [Collector] has a
// ledger's own checkpoints cosigned, beside their publication and without ever holding
// it up, and keeps what comes back in a [Store].
//
// Not here: the other countersigners, and the judgement how many witnesses are enough,
// which is a policy's.
package witness
