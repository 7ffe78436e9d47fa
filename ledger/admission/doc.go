// Package admission decides what becomes of a message: accepted, duplicate, or
// rejected with a code. It is what a verdict can be recomputed with: a function
// of the message, the leaves and bodies before it, and the rule set that the
// registry had adopted by then. It reads no clock, no disk and no network.
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
package admission
