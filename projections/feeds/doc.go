// Package feeds delivers the changes of views to readers through JetStream, each exactly
// once.
//
// [Publish] is the one publisher: it holds a lease, reads each view's changes from
// the store, and appends them to the stream FEEDS, on
// feeds.<view>.<facility>.<operator>. [Follow] is a subscriber; so is any program
// with a NATS client and a reader's credentials.
//
// Not here: how changes are computed, and feeds over HTTP, which are in projections/api.
//
// # Nothing lost, nothing twice
//
// A view's changes are numbered, and the numbers follow from the ledger alone. So
// the stream itself says how far publishing has come: a publisher begins after the
// last message that FEEDS has of each view, and demands with every message that
// nothing else came between (Nats-Expected-Last-Sequence, Nats-Expected-Last-Msg-Id).
// What a broker lost of its tail is published again, what a publisher
// sent twice is refused the second time.
//
// A subscriber gets each message at least once, in order, and tells a repeat by
// the number of the change. [Follow] does that, and lets its caller write before
// it acknowledges.
//
// # Order
//
// By leaf, then view, then number of change. So a subscriber to several views
// never sees one of them ahead by more than a leaf.
//
// # When a view is computed in another way
//
// A view has a version, which rises when the same leaves would give other rows.
// Then its changes are numbered anew, from 1, and all of them are published again
// under the new version: the id of a message is <view>/<version>/<change>. What a
// subscriber keeps of the lower version is to be replaced by what comes. A rebuild
// without a new version gives the same changes, and publishes nothing.
package feeds
