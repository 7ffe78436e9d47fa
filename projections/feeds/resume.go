package feeds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	feedsStream     = "FEEDS"
	positionStream  = "POSITIONS"
	positionSubject = "positions.feeds"
)

// published is how far FEEDS has come: its last sequence, and each view's last
// change.
type published struct {
	last  uint64
	views map[string]place
}

// place is the last change of a view that was published, and where in FEEDS its
// message stands, or stood.
type place struct {
	Mark
	Sequence uint64 `json:"sequence"`
}

// resume finds out from FEEDS how far publishing has come, at one moment: were the
// views' places from after the last sequence, the sequences that messages expect
// would be counted from a wrong one, and might fit by chance.
func resume(ctx context.Context, js jetstream.JetStream, views []View) (*published, time.Duration, error) {
	stream, err := js.Stream(ctx, feedsStream)
	if err != nil {
		return nil, 0, fmt.Errorf("look for stream %s: %w", feedsStream, err)
	}
	kept, err := positions(ctx, js)
	if err != nil {
		return nil, 0, err
	}
	for {
		before := stream.CachedInfo().State.LastSeq
		found := map[string]place{}
		for _, view := range views {
			if found[view.Name], err = lastOf(ctx, stream, view.Name); err != nil {
				return nil, 0, err
			}
		}
		info, err := stream.Info(ctx)
		if err != nil {
			return nil, 0, fmt.Errorf("look at stream %s: %w", feedsStream, err)
		}
		if info.State.LastSeq == before {
			if err := erasedPlaces(ctx, stream, found, kept, info.State); err != nil {
				return nil, 0, err
			}
			p, err := placesOf(views, found, kept, info.State)
			return p, info.Config.MaxAge, err
		}
	}
}

// placesOf puts together how far publishing has come from what was found in FEEDS
// before it was in this state, and from what was written down.
func placesOf(views []View, found, kept map[string]place, state jetstream.StreamState) (*published, error) {
	p := &published{last: state.LastSeq, views: map[string]place{}}
	for _, view := range views {
		at := found[view.Name]
		// No message of the view, and its last one stood before all that is left: it
		// was dropped for its age, not lost.
		if k := kept[view.Name]; at.Mark == (Mark{}) && k.Change > 0 && k.Sequence < state.FirstSeq {
			at = k
		}
		switch {
		case at.Version > view.Version:
			return nil, &fatalError{fmt.Errorf("stream %s has version %d of view %s, and this program makes version %d: it is older than the one that published", feedsStream, at.Version, view.Name, view.Version)}
		case at.Version < view.Version:
			at.Mark = Mark{Version: view.Version}
		}
		p.views[view.Name] = at
	}
	return p, nil
}

// erasedPlaces puts what was written down in the place of what was found, for views whose
// last message is gone from among those that are left: it was erased, see [Erase].
// Nothing else is deleted there, and what a lost tail had is after all that is left.
func erasedPlaces(ctx context.Context, stream jetstream.Stream, found, kept map[string]place, state jetstream.StreamState) error {
	for view, k := range kept {
		at, asked := found[view]
		// A view of which nothing was ever published has a mark, and no message: of an empty
		// stream neither bound says so.
		if !asked || k.Sequence == 0 || k.Mark.Compare(at.Mark) <= 0 || k.Sequence < state.FirstSeq || k.Sequence > state.LastSeq {
			continue
		}
		if _, err := stream.GetMsg(ctx, k.Sequence); errors.Is(err, jetstream.ErrMsgNotFound) {
			found[view] = k
		} else if err != nil {
			return fmt.Errorf("look for the last message of view %s: %w", view, err)
		}
	}
	return nil
}

// lastOf returns the last message of a view that is in FEEDS.
func lastOf(ctx context.Context, stream jetstream.Stream, view string) (place, error) {
	m, err := stream.GetLastMsgForSubject(ctx, subjectPrefix+view+".>")
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return place{}, nil
	} else if err != nil {
		return place{}, fmt.Errorf("look for the last message of view %s: %w", view, err)
	}
	of, mark, err := parseID(m.Header.Get(nats.MsgIdHdr))
	if err == nil && of != view {
		err = fmt.Errorf("it is of view %s", of)
	}
	if err != nil {
		return place{}, &fatalError{fmt.Errorf("message %d on %s is none of ours: %w", m.Sequence, m.Subject, err)}
	}
	return place{Mark: mark, Sequence: m.Sequence}, nil
}

// positions reads how far publishing had come when [savePositions] last wrote it.
func positions(ctx context.Context, js jetstream.JetStream) (map[string]place, error) {
	stream, err := js.Stream(ctx, positionStream)
	if err != nil {
		return nil, fmt.Errorf("look for stream %s: %w", positionStream, err)
	}
	m, err := stream.GetLastMsgForSubject(ctx, positionSubject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read stream %s: %w", positionStream, err)
	}
	var kept map[string]place
	if err := json.Unmarshal(m.Data, &kept); err != nil {
		return nil, fmt.Errorf("read stream %s: %w", positionStream, err)
	}
	return kept, nil
}

// savePositions writes down how far publishing has come, for the day on which a
// view's last message is older than what FEEDS keeps. It needs to be done now and
// then within that age.
func savePositions(ctx context.Context, js jetstream.JetStream, p *published) error {
	body, err := json.Marshal(p.views)
	if err != nil {
		return err
	}
	if _, err := js.Publish(ctx, positionSubject, body); err != nil {
		return fmt.Errorf("write stream %s: %w", positionStream, err)
	}
	return nil
}

// fatalError is one that trying again doesn't help against.
type fatalError struct{ error }

func (e *fatalError) Unwrap() error { return e.error }
