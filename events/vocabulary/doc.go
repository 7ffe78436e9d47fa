// Package vocabulary has the event types: their Go types, and constructors that make
// events which admission accepts.
//
// A [Kind] binds an event type to the Go type of its data, so that the one can't be said with the other's; [Said.Event]
// then holds the whole event to the newest rule set: its schema, and the rules of consistency that no schema can state.
// What an event means lives in package events, how its form is judged in package events/schema. Which keys may sign it
// and whether what it names exists is admission's, and is not looked at here.
//
// Not here: whether a key may sign and whether what an event names exists; that is
// admission's.
package vocabulary
