package feeds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
)

// ErrKept says that the stream was made by a program that let nothing be deleted from it:
// what is in it goes by its age alone.
var ErrKept = errors.New("stream FEEDS lets nothing be deleted: what is in it goes by its age")

// Erase overwrites and deletes the messages whose row names an event that was erased, as
// far as they are in FEEDS when it begins, and returns how many there were. It comes
// after the views were made again without the event. Readers miss what is gone, and
// nothing else: how far publishing had come is written down before, should the last
// message of a view be among them. js must be of the role of publishers.
func Erase(ctx context.Context, js jetstream.JetStream, views []View, erased func(events.Ref) bool) (n int, err error) {
	fail := func(err error) (int, error) {
		return n, fmt.Errorf("erase from stream %s: %w", feedsStream, err)
	}
	stream, err := js.Stream(ctx, feedsStream)
	if err != nil {
		return fail(err)
	}
	state := stream.CachedInfo().State
	if stream.CachedInfo().Config.DenyDelete {
		return fail(ErrKept)
	}
	at, _, err := resume(ctx, js, views)
	if err != nil {
		return fail(err)
	}
	told := false
	for seq := state.FirstSeq; seq <= state.LastSeq; seq++ {
		m, err := stream.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(subjectPrefix+">"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return n, nil // there is none from here on
		} else if err != nil {
			return fail(err)
		}
		if seq = m.Sequence; seq > state.LastSeq || !tells(m.Data, erased) {
			continue
		}
		if !told {
			if err := savePositions(ctx, js, at); err != nil {
				return fail(err)
			}
			told = true
		}
		if err := stream.SecureDeleteMsg(ctx, seq); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return fail(err)
		}
		n++
	}
	return n, nil
}

// tells reports whether a message's row names an event that was erased, wherever in it:
// each row names those that it comes from.
func tells(message []byte, erased func(events.Ref) bool) bool {
	var event Event
	if json.Unmarshal(message, &event) != nil {
		return false
	}
	var row any
	if json.Unmarshal(event.Data.Row, &row) != nil {
		return false
	}
	return names(row, erased)
}

func names(v any, erased func(events.Ref) bool) bool {
	switch v := v.(type) {
	case string:
		ref, err := events.ParseRef(v)
		return err == nil && erased(ref)
	case []any:
		for _, element := range v {
			if names(element, erased) {
				return true
			}
		}
	case map[string]any:
		for _, member := range v {
			if names(member, erased) {
				return true
			}
		}
	}
	return false
}
