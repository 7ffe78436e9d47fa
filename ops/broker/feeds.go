package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// FeedsOptions are the sizes of the stream FEEDS. A field that is zero is the
// default if the stream has to be made, and isn't compared if it exists.
type FeedsOptions struct {
	// MaxAge after which a message is dropped, 30 days by default: how long a
	// reader may be away and still go on where it stopped.
	MaxAge time.Duration
	// MaxBytes on disk; no limit by default. When it is reached the oldest
	// messages are dropped.
	MaxBytes int64
	// Replicas is 1 by default, 3 or 5 in a cluster.
	Replicas int
	// Lease is how long a publisher's lease holds that isn't renewed: after that
	// time another takes over. 10 s by default.
	Lease time.Duration
}

// EnsureFeeds makes the stream FEEDS, and beside it LEASES and POSITIONS for its
// publisher, if they are missing.
// If FEEDS exists, it checks that it is what publisher and readers rely on, and
// returns an error that names each setting that isn't; it never changes a stream.
// js must be of [RoleProjections].
//
// Messages can't be purged, rolled up or given a time to live, and only the publisher can
// delete one, when what it tells of was erased. A stream of before that was so lets
// nothing be deleted, and is used as it is: what is in it goes by its age. The
// window in which a Nats-Msg-Id is recognised is 10 s: it is a courtesy, because
// the publisher goes on after the stream's own last message.
func EnsureFeeds(ctx context.Context, js jetstream.JetStream, o FeedsOptions) (jetstream.Stream, error) {
	s, err := ensureStream(ctx, js, feedsConfig(o))
	for _, c := range []jetstream.StreamConfig{leasesConfig(o), positionsConfig(o)} {
		if err == nil {
			_, err = ensureStream(ctx, js, c)
		}
	}
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return nil, fmt.Errorf("broker: ensure stream %s: %w: the server must run with jetstream, and know the account PROJECTIONS (push all accounts)", streamFeeds, err)
	case err != nil:
		return nil, fmt.Errorf("broker: ensure stream %s: %w", streamFeeds, err)
	}
	if diffs := feedsDiffer(s.CachedInfo().Config, o); len(diffs) > 0 {
		return nil, fmt.Errorf("broker: stream %s exists, but not as feeds need it: %s", streamFeeds, strings.Join(diffs, "; "))
	}
	return s, nil
}

func ensureStream(ctx context.Context, js jetstream.JetStream, c jetstream.StreamConfig) (jetstream.Stream, error) {
	s, err := js.Stream(ctx, c.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = js.CreateStream(ctx, c)
	}
	return s, err
}

func feedsConfig(o FeedsOptions) jetstream.StreamConfig {
	maxAge := orDefault(o.MaxAge, 30*24*time.Hour)
	return jetstream.StreamConfig{
		Name:              streamFeeds,
		Description:       "Changes of views, for readers",
		Subjects:          []string{subjectFeeds},
		Storage:           jetstream.FileStorage,
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardOld,
		MaxMsgs:           -1,
		MaxMsgsPerSubject: -1,
		MaxMsgSize:        -1,
		MaxBytes:          orDefault(o.MaxBytes, -1),
		MaxAge:            maxAge,
		Duplicates:        min(10*time.Second, maxAge),
		Replicas:          orDefault(o.Replicas, 1),
		DenyPurge:         true,
	}
}

// leasesConfig: one message a lease, which is gone when it wasn't renewed. It is
// kept in memory: a broker that starts anew has nobody connected.
func leasesConfig(o FeedsOptions) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              streamLeases,
		Description:       "Who publishes feeds; a lease that isn't renewed ends",
		Subjects:          []string{subjectLeases},
		Storage:           jetstream.MemoryStorage,
		Discard:           jetstream.DiscardOld,
		MaxMsgsPerSubject: 1,
		MaxMsgSize:        1 << 10,
		MaxBytes:          1 << 20,
		MaxAge:            orDefault(o.Lease, 10*time.Second),
		Duplicates:        100 * time.Millisecond,
		Replicas:          orDefault(o.Replicas, 1),
	}
}

// positionsConfig: one message for a publisher, for as long as it takes.
func positionsConfig(o FeedsOptions) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              streamPositions,
		Description:       "How far feeds were published, for when FEEDS has dropped the last message of a view",
		Subjects:          []string{subjectPositions},
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardOld,
		MaxMsgsPerSubject: 1,
		MaxMsgSize:        64 << 10,
		MaxBytes:          8 << 20,
		Duplicates:        time.Second,
		Replicas:          orDefault(o.Replicas, 1),
	}
}

func feedsDiffer(have jetstream.StreamConfig, o FeedsOptions) []string {
	want := feedsConfig(o)
	diffs := streamDiffers(have, want)
	for _, d := range []struct {
		what       string
		asked      bool
		have, want any
	}{
		{"maximum age", o.MaxAge != 0, have.MaxAge, want.MaxAge},
		{"maximum bytes", o.MaxBytes != 0, have.MaxBytes, want.MaxBytes},
		{"replicas", o.Replicas != 0, have.Replicas, want.Replicas},
	} {
		if d.asked && d.have != d.want {
			diffs = append(diffs, fmt.Sprintf("%s is %v, asked for is %v", d.what, d.have, d.want))
		}
	}
	return diffs
}
