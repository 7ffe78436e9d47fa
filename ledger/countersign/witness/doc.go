// Package witness is both sides of https://c2sp.org/tlog-witness. A [Witness] cosigns
// the checkpoints of other people's logs, each only if it continues the last that it
// cosigned, which it remembers through any crash. A [Collector] has a ledger's own
// checkpoints cosigned, beside their publication and without ever holding it up, and
// keeps what comes back in a [Store].
package witness
