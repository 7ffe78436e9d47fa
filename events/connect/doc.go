// Package connect reads native logs for every connector: one bounded reader of records,
// with damage counted.
//
// A [Connector] turns the records of one system's logs into events, and knows
// nothing else: its package, below this one, has its mapping alone. Everything
// that isn't mapping lives here, once: finding files ([Files]), reading records in
// whatever form they are kept, within bounds ([Read]), keeping personal data out of
// what is published ([Personal]), and accounting for every record ([Each]).
// Package systems, below, lists all connectors.
//
// Nothing here knows a system's members (but to name what a foreign record looks
// like), opens a connection, writes a file, signs, or keeps a table of pseudonyms:
// that is the caller's.
//
// Not here: the mapping of one system's records, which is in the package of that system,
// signing and publishing.
package connect
