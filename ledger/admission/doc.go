// Package admission gives each message its verdict: accepted, duplicate, or rejected
// with a code.
//
// One file holds one check, named after its code; [Rules] runs them in the order
// of its rule set, and the first that fails gives the code. What a check needs to
// know of the past is in [State]: the registry in memory, the manifests accepted
// so far behind the small interface [Store].
//
// The work is in two steps. [Rules.Prepare] does what depends on the message
// alone, for many messages at once and beside whatever else is going on;
// [State.Judge] does the rest, one message after the other, in the order of the
// stream.
//
// Not here: clocks, disk and network. A verdict depends on the message, on the leaves
// and bodies before it, and on the adopted rule set.
package admission
